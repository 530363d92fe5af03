import base64

from services.auth_types import get
from services.auth_types.base import ParamType, Unsigned
from vault.secret import Secret

BASIC = get("basic")
REQUEST = Unsigned("GET", "https://api.example.com/")


def test_sends_user_name_and_password_as_utf_8() -> None:
    secrets = {"username": Secret("zoë"), "password": Secret("pä:ss")}
    ((name, value),) = BASIC.place({}, ParamType.HEADER, None, secrets, REQUEST).headers
    assert name == "Authorization"
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == "zoë:pä:ss"


def test_sends_an_empty_password_where_none_was_entered() -> None:
    ((_, value),) = BASIC.place({}, ParamType.HEADER, None, {"username": Secret("key")}, REQUEST).headers
    assert base64.b64decode(value.removeprefix("Basic ")) == b"key:"


def test_sends_an_empty_user_name_where_none_was_entered() -> None:
    """RFC 7617 2: the user-id may be empty."""
    ((_, value),) = BASIC.place({}, ParamType.HEADER, None, {"password": Secret("pat")}, REQUEST).headers
    assert base64.b64decode(value.removeprefix("Basic ")) == b":pat"


def test_asks_for_a_user_name_and_a_password_either_of_which_may_be_empty() -> None:
    assert [(field.key, field.is_required, field.is_secret) for field in BASIC.fields({})] == [
        ("username", False, False),
        ("password", False, True),
    ]


def test_refuses_a_colon_in_the_user_name() -> None:
    assert BASIC.credential_problem("username", "a:b")
    assert not BASIC.credential_problem("password", "a:b")


def test_reserves_the_authorization_header() -> None:
    assert BASIC.reserved({}, ParamType.HEADER).headers == {"authorization"}
