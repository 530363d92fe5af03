import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.auth_types import get
from services.auth_types.base import ClientKeys, Consent, Flow, ParamType
from services.auth_types.errors import CannotSign
from tests.services.auth_types.driving import drive
from vault.secret import Secret

OAUTH2 = get("oauth2")
CALLBACK = "https://us.example/oauth/callback/zoho"


def config_of(**values: Any) -> dict[str, Any]:
    plain = {
        "authorize_url": "https://accounts.example.com/auth?access_type=offline",
        "token_url": "https://accounts.example.com/token",
    }
    return OAUTH2.Config.model_validate(plain | values).model_dump()


def begun(scopes: tuple[str, ...] = (), **values: Any) -> tuple[Consent, dict[str, list[str]]]:
    flow = Flow(config_of(**values), ClientKeys("id", Secret("secret")), CALLBACK, scopes)
    consent, sent = drive(OAUTH2.begin(flow))
    assert sent == []
    return consent, parse_qs(urlsplit(consent.url).query, keep_blank_values=True)


def test_sends_the_person_to_the_consent_page() -> None:
    consent, query = begun(("a", "b"))
    assert consent.url.startswith("https://accounts.example.com/auth?access_type=offline&")
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["id"]
    assert query["redirect_uri"] == [CALLBACK]
    assert query["scope"] == ["a b"]
    assert query["state"] == [consent.state]
    assert "secret" not in consent.url


@pytest.mark.parametrize(("separator", "scope"), [(",", "a,b"), ("+", "a b"), (" ", "a b"), ("|", "a|b")])
def test_joins_scopes_in_the_services_way(separator: str, scope: str) -> None:
    assert begun(("a", "b"), scope_separator=separator)[1]["scope"] == [scope]


@pytest.mark.parametrize(
    ("separator", "written"), [(" ", "a%20b"), ("+", "a%20b"), (",", "a%2Cb"), ("; ", "a%3B%20b")]
)
def test_writes_a_space_so_that_every_reader_takes_it_for_one(separator: str, written: str) -> None:
    """Not all read a + as a space (RFC 6749 appendix B notwithstanding)."""
    consent, _ = begun(("a", "b"), scope_separator=separator, authorize_params={"claims": "a b+c"})
    query = urlsplit(consent.url).query
    assert f"&scope={written}&" in query
    assert "&claims=a%20b%2Bc&" in query


def test_leaves_the_scope_out_where_none_is_chosen() -> None:
    assert "scope" not in begun()[1]


def test_adds_the_services_extra_parameters() -> None:
    query = begun(authorize_params={"prompt": "consent", "audience": "https://api.example.com/"})[1]
    assert (query["prompt"], query["audience"]) == (["consent"], ["https://api.example.com/"])


def test_the_state_has_256_bits_and_is_another_each_time() -> None:
    states = {begun()[0].state for _ in range(20)}
    assert len(states) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", state) for state in states)


def test_the_challenge_is_s256_of_a_verifier_that_differs_each_time() -> None:
    verifiers = set()
    for _ in range(5):
        consent, query = begun()
        verifier = consent.secrets["verifier"].reveal()
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        assert query["code_challenge"] == [digest]
        assert query["code_challenge_method"] == ["S256"]
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
        assert verifier not in consent.url
        assert verifier not in repr(consent)
        verifiers.add(verifier)
    assert len(verifiers) == 5


def test_pkce_can_be_switched_off_for_a_service() -> None:
    consent, query = begun(pkce=False)
    assert "code_challenge" not in query
    assert consent.secrets == {}


def test_says_when_no_app_is_registered() -> None:
    with pytest.raises(CannotSign, match="OAuth app"):
        drive(OAUTH2.begin(Flow(config_of(), None, CALLBACK)))


@pytest.mark.parametrize(
    "name",
    ["state", "redirect_uri", "client_id", "code_challenge", "response_mode", "response_type", "scope"],
)
def test_extra_parameters_cannot_be_the_protocols_own(name: str) -> None:
    by_params = OAUTH2.config_problems(config_of(authorize_params={name: "x"}), ParamType.HEADER, "")
    assert "authorize_params" in by_params
    by_url = OAUTH2.config_problems(
        config_of(authorize_url=f"https://a.example.com/auth?{name}=x"), ParamType.HEADER, ""
    )
    assert "authorize_url" in by_url


def test_wants_an_authorize_url_only_where_people_authorise() -> None:
    assert "authorize_url" in OAUTH2.config_problems(config_of(authorize_url=""), ParamType.HEADER, "")
    machine = config_of(authorize_url="", grant_type="client_credentials")
    assert OAUTH2.config_problems(machine, ParamType.HEADER, "") == {}


def test_a_required_iss_needs_an_issuer_to_compare_it_with() -> None:
    assert "issuer" in OAUTH2.config_problems(config_of(require_iss=True), ParamType.HEADER, "")


@pytest.mark.parametrize(
    "values",
    [
        {"scopes": [{"name": "a"}, {"name": "a"}]},
        {"scopes": [{"name": "a b"}]},
        {"scopes": [{"name": ""}]},
        {"scope_separator": "x"},
        {"client_auth": "jwt"},
        {"grant_type": "password"},
        {"token_path": "a..b"},
        {"unknown": 1},
        {"token_url": ""},
    ],
)
def test_refuses_a_block_that_makes_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="OAuth2Config"):
        config_of(**values)
