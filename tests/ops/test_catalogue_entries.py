"""Each entry, driven from its file alone: what is asked of people, of the token endpoint and of the service
is what the file says, and the practice provider, standing for every service's, takes it.

The expectations are read from the TOML as it is written, not from what the loader made of it.
"""

import base64
import json
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from django.test import Client

from practice.clients import secret_of
from services import loader, target
from services.auth_types.base import Answer, ClientKeys, Exchange, Flow, ParamType, Unsigned
from services.definition import AuthDefinition
from services.rows import FIELDS
from services.target import Target
from tests.services.auth_types.driving import drive
from vault.secret import Secret

BUILT_IN = re.compile("practice_|switchboard$")
FILES = sorted(path for path in loader.OWN_FOLDER.glob("*.toml") if not BUILT_IN.match(path.stem))
APP = "practice-app"
KEYS = ClientKeys(APP, Secret(secret_of(APP)))
HOST = "localhost:8000"
CALLBACK = f"http://{HOST}/oauth/callback/it"


@lru_cache
def written(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@lru_cache
def entry_of(path: Path) -> loader.Entry:
    return loader.parse(path.read_text(encoding="utf-8"), link_name=path.stem)


def ways(auth_type: str) -> list[Any]:
    """Every way of that type in the catalogue: the file, and which of its ways it is."""
    return [
        pytest.param(path, number, id=f"{path.stem}-{number}")
        for path in FILES
        for number, way in enumerate(written(path)["auth"])
        if way["auth_type"] == auth_type
    ]


def examples(path: Path) -> dict[str, str]:
    """A value for each of the file's variables and for what follows them."""
    values: dict[str, str] = {}
    for variable in written(path).get("variables", []):
        values[variable["name"]] = kept(variable.get("pattern", ""), variable["example"])
        follow = variable.get("follow", {})
        values |= {name: choices[variable["example"]] for name, choices in follow.items()}
    return values


def kept(pattern: str, example: str) -> str:
    """The text of the pattern's group, where it has one."""
    found = re.fullmatch(pattern, example)
    return found[1].lower() if found and found.re.groups else example


def filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def target_of(path: Path, auth: AuthDefinition) -> Target:
    defined = entry_of(path).defined
    service = {name: getattr(defined, name) for name in FIELDS}
    return target.fill(
        service={**service, "is_builtin": False},
        auth={"auth_type": auth.auth_type.name, "param_type": auth.param_type.value, "config": auth.config},
        variables=examples(path),
    )


def chosen_scopes(block: Mapping[str, Any]) -> tuple[str, ...]:
    scopes = block.get("scopes", [])
    return tuple(each["name"] for each in scopes if each.get("default")) or tuple(
        each["name"] for each in scopes[:2]
    )


def told(block: Mapping[str, Any], path: Path, *names: str) -> dict[str, str]:
    """A block's extra parameters, variables filled in."""
    return {
        key: filled(value, examples(path)) for name in names for key, value in block.get(name, {}).items()
    }


def authorized(provider: Client, query: Mapping[str, str]) -> str:
    """The code that the practice provider hands out for what was asked of it."""
    answer = provider.post("/practice/oauth2/authorize", {"allow": "1"}, query_params=query)
    came_back = dict(parse_qsl(urlsplit(answer["Location"]).query))
    assert came_back["state"] == query["state"]
    return came_back["code"]


def answered(provider: Client, sent: Exchange) -> Answer:
    """What the practice provider says to a request at any token endpoint."""
    headers = {name: value for name, value in sent.headers if name != "Content-Length"}
    answer = provider.post("/practice/oauth2/token", dict(sent.form or ()), headers=headers)
    return Answer(answer.status_code, {"content-type": "application/json"}, answer.content)


def check_client(sent: Exchange, client_auth: str) -> None:
    """The app proves itself in the way that the file names, and in no other."""
    form, headers = dict(sent.form or ()), dict(sent.headers)
    if client_auth in {"basic", "basic_raw"}:
        encode = quote_plus if client_auth == "basic" else str
        pair = f"{encode(APP)}:{encode(secret_of(APP))}"
        assert headers["Authorization"] == f"Basic {base64.b64encode(pair.encode()).decode()}"
        assert not {"client_id", "client_secret"} & set(form)
    else:
        assert "Authorization" not in headers
        assert form["client_id"] == APP
        assert form.get("client_secret") == (secret_of(APP) if client_auth == "post" else None)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "number"), ways("oauth2"))
def test_oauth_2(path: Path, number: int) -> None:
    way, auth = written(path)["auth"][number], entry_of(path).defined.auths[number]
    block, values, provider = way["oauth2"], examples(path), Client(headers={"host": HOST})
    there = target_of(path, auth)
    scopes = chosen_scopes(block)
    flow = Flow(there.config, KEYS, CALLBACK, scopes)
    if block.get("grant_type") == "client_credentials":
        exchange = there.auth_type.refresh(flow, {})
    else:
        consent, _ = drive(there.auth_type.begin(flow))
        query = check_consent(consent.url, block, values, scopes)
        code = authorized(provider, query) if block.get("pkce", True) else "a-code"
        exchange = there.auth_type.complete(flow, consent.secrets, {"state": query["state"], "code": code})

    sent = next(exchange)

    assert (sent.method, sent.url) == ("POST", filled(block["token_url"], values))
    form = dict(sent.form or ())
    extra = told(block, path, "token_params")
    assert {key: form[key] for key in extra} == extra
    check_client(sent, block.get("client_auth", "post"))
    if block.get("pkce", True) and block.get("client_auth") != "none":
        finished(exchange, answered(provider, sent), block, there, way)


def check_consent(
    url: str, block: Mapping[str, Any], values: Mapping[str, str], scopes: tuple[str, ...]
) -> dict[str, str]:
    """The authorize URL is the file's, with the protocol's parameters, the extra ones and none else."""
    meant = urlsplit(filled(block["authorize_url"], values))
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.path) == (meant.scheme, meant.netloc, meant.path)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    expected = {
        **dict(parse_qsl(meant.query, keep_blank_values=True)),
        **{key: filled(value, values) for key, value in block.get("authorize_params", {}).items()},
        "response_type": "code",
        "client_id": APP,
        "redirect_uri": CALLBACK,
    }
    if scopes:
        separator = block.get("scope_separator", " ")
        expected["scope"] = (" " if separator == "+" else separator).join(scopes)
    if block.get("pkce", True):
        expected["code_challenge_method"] = "S256"
    assert {key: value for key, value in query.items() if key not in {"state", "code_challenge"}} == expected
    assert ("code_challenge" in query) == block.get("pkce", True)
    return query


def finished(
    exchange: Any, answer: Answer, block: Mapping[str, Any], there: Target, way: Mapping[str, Any]
) -> None:
    """The provider's answer makes a token, and a call carries it where the file says."""
    assert answer.status == 200, answer.body
    if block.get("token_path", "access_token") != "access_token":
        return  # the practice provider answers flat
    with pytest.raises(StopIteration) as end:
        exchange.send(answer)
    tokens = end.value.value
    token = tokens.secrets["access_token"].reveal()
    assert token == json.loads(answer.body)["access_token"]
    in_header = way["param_type"] == "header"
    name = block.get("token_param") or ("Authorization" if in_header else "access_token")
    prefix = block.get("token_prefix", "Bearer" if in_header else "")
    placed = there.auth_type.place(there.config, there.param_type, KEYS, tokens.secrets, Unsigned("GET", "/"))
    where = {"header": placed.headers, "query": placed.query, "form": placed.form}[way["param_type"]]
    assert where == ((name, f"{prefix} {token}".strip()),)


@pytest.mark.parametrize(("path", "number"), ways("api_key"))
def test_api_key(path: Path, number: int) -> None:
    way, auth = written(path)["auth"][number], entry_of(path).defined.auths[number]
    params = way["api_key"]["params"]
    secrets = {param["key"]: Secret(f"key-{place}") for place, param in enumerate(params)}
    there = target_of(path, auth)

    placed = there.auth_type.place(there.config, there.param_type, None, secrets, Unsigned("GET", "/"))

    expected = [(each["key"], f"{each.get('prefix', '')}key-{place}") for place, each in enumerate(params)]
    if there.param_type is ParamType.PATH:
        assert list(placed.path.items()) == expected
        assert all(f"{{{key}}}" in there.base_url for key, _ in expected)
    else:
        assert [*placed.headers, *placed.query, *placed.form] == expected
        assert bool({"header": placed.headers, "query": placed.query, "form": placed.form}[way["param_type"]])


@pytest.mark.parametrize(("path", "number"), ways("basic"))
def test_basic(path: Path, number: int) -> None:
    there = target_of(path, entry_of(path).defined.auths[number])
    secrets = {field.key: Secret(f"a {field.key}") for field in there.auth_type.fields(there.config)}

    placed = there.auth_type.place(there.config, there.param_type, None, secrets, Unsigned("GET", "/"))

    pair = base64.b64encode(b"a username:a password").decode()
    assert placed.headers == (("Authorization", f"Basic {pair}"),)


@pytest.mark.parametrize(("path", "number"), ways("oauth1"))
def test_oauth_1(path: Path, number: int) -> None:
    block, auth = written(path)["auth"][number]["oauth1"], entry_of(path).defined.auths[number]
    there = target_of(path, auth)

    sent = next(there.auth_type.begin(Flow(there.config, KEYS, CALLBACK)))

    assert sent.url == filled(block["request_token_url"], examples(path))
    header = dict(sent.headers)["Authorization"]
    assert f'oauth_signature_method="{block.get("signature_method", "HMAC-SHA1")}"' in header
    assert f'oauth_consumer_key="{APP}"' in header


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls_go_to_the_hosts_of_the_file_and_nowhere_else(path: Path) -> None:
    there = target_of(path, entry_of(path).defined.auths[0])
    hosts = [filled(host, examples(path)) for host in written(path)["hosts"]]
    assert list(there.hosts) == hosts
    urls = [there.base_url, there.test.get("path", ""), there.identity.get("path", "")]
    called = {urlsplit(url).netloc for url in urls if url.startswith("https://")}
    assert called <= set(hosts)
