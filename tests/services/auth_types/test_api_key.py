from typing import Any

import pytest

from services.auth_types import get
from services.auth_types.base import ParamType, Unsigned
from services.auth_types.errors import CannotSign
from vault.secret import Secret

API_KEY = get("api_key")
REQUEST = Unsigned("GET", "https://api.example.com/v1")


def config_of(*params: dict[str, str]) -> dict[str, Any]:
    return API_KEY.Config(params=list(params)).model_dump()  # type: ignore[call-arg]


def test_asks_for_each_key_by_its_display_name() -> None:
    config = config_of({"key": "X-Api-Key", "display_name": "API key"}, {"key": "X-App-Id"})
    assert [(field.key, field.label) for field in API_KEY.fields(config)] == [
        ("X-Api-Key", "API key"),
        ("X-App-Id", "X-App-Id"),
    ]


@pytest.mark.parametrize("place", ["headers", "query", "form"])
def test_places_each_key_with_its_prefix_as_it_stands(place: str) -> None:
    config = config_of({"key": "Authorization", "prefix": "Token token="}, {"key": "X-App-Id"})
    secrets = {"Authorization": Secret("abc"), "X-App-Id": Secret("42")}
    param_type = ParamType({"headers": "header"}.get(place, place))
    placed = API_KEY.place(config, param_type, None, secrets, REQUEST)
    assert getattr(placed, place) == (("Authorization", "Token token=abc"), ("X-App-Id", "42"))


def test_keeps_the_space_at_the_end_of_a_prefix() -> None:
    config = config_of({"key": "Authorization", "prefix": "Bearer "})
    placed = API_KEY.place(config, ParamType.HEADER, None, {"Authorization": Secret("abc")}, REQUEST)
    assert placed.headers == (("Authorization", "Bearer abc"),)


def test_fills_a_key_into_the_path_percent_encoded() -> None:
    config = config_of({"key": "key"})
    placed = API_KEY.place(config, ParamType.PATH, None, {"key": Secret("123:AB/../c?d%")}, REQUEST)
    assert placed.path == {"key": "123:AB%2F..%2Fc%3Fd%25"}


@pytest.mark.parametrize("value", [".", "..", ""])
def test_refuses_a_key_that_would_be_a_dot_segment(value: str) -> None:
    config = config_of({"key": "key"})
    with pytest.raises(CannotSign):
        API_KEY.place(config, ParamType.PATH, None, {"key": Secret(value)}, REQUEST)


def test_reserves_the_names_that_carry_keys() -> None:
    config = config_of({"key": "X-Api-Key"})
    assert API_KEY.reserved(config, ParamType.HEADER).headers == {"x-api-key"}
    assert API_KEY.reserved(config, ParamType.QUERY).query == {"X-Api-Key"}
    assert API_KEY.reserved(config, ParamType.FORM).form == {"X-Api-Key"}


def test_refuses_two_parameters_with_one_key() -> None:
    with pytest.raises(ValueError, match="same key"):
        config_of({"key": "X-Api-Key"}, {"key": "x-api-key"})


@pytest.mark.parametrize("key", ["Host", "Content-Length", "X Y", "Transfer-Encoding", "Switchboard-Call"])
def test_refuses_headers_that_are_not_for_keys(key: str) -> None:
    assert API_KEY.config_problems(config_of({"key": key}), ParamType.HEADER, "https://a.example")


def test_wants_the_key_in_the_base_urls_path() -> None:
    config = config_of({"key": "key"})
    assert not API_KEY.config_problems(config, ParamType.PATH, "https://api.example.com/bot{key}")
    assert API_KEY.config_problems(config, ParamType.PATH, "https://api.example.com/bot") == {
        "params.0.key": "Write {key} where the key stands in the base URL’s path."
    }


def test_never_prints_what_it_places() -> None:
    placed = API_KEY.place(
        config_of({"key": "X-Api-Key"}), ParamType.HEADER, None, {"X-Api-Key": Secret("canary")}, REQUEST
    )
    assert "canary" not in repr(placed)
