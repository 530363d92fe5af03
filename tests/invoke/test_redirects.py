"""A redirect inside a service leads its caller on, on the same connection."""

from typing import Any

import pytest

from connections.models import Connection
from tests.invoke.conftest import Desk, Gateway
from tests.invoke.upstream import Upstream, answer

CASES = [
    ("/api/v1/items/", "/invoke/desk/items/"),
    ("{url}/api/v1/items/?a=%20b#c", "/invoke/desk/items/?a=%20b#c"),
    ("items/", "/invoke/desk/items/"),
    ("?page=2", "/invoke/desk/items?page=2"),
    ("../v1/other", "/invoke/desk/other"),
    ("{url}/api/v1", "/invoke/desk"),
    ("{url}/elsewhere/x?y=1", "/invoke/desk/~{host}/elsewhere/x?y=1"),
    ("//{host}/api/v1/a", "/invoke/desk/a"),
    ("/api/v1/~a.b/c", "/invoke/desk/~{host}/api/v1/~a.b/c"),
    ("/api/v10/x", "/invoke/desk/~{host}/api/v10/x"),
    ("https://evil.example/api/v1/x", "https://evil.example/api/v1/x"),
    ("https://{host}/api/v1/x", "https://{host}/api/v1/x"),
    ("http://[half", "http://[half"),
    ("mailto:ada@example.com", "mailto:ada@example.com"),
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("where", "told"), CASES)
def test_a_location_of_the_service_is_told_as_an_address_of_ours(
    gateway: Gateway, desk: Desk, upstream: Upstream, status: int, where: str, told: str
) -> None:
    desk.connection()
    spelt = {"url": upstream.url, "host": upstream.url.removeprefix("http://")}
    upstream.says(answer(status, b"", {"Location": where.format(**spelt)}))
    assert gateway.get("/invoke/desk/items").header("Location") == told.format(**spelt)


def test_a_client_that_follows_stays_on_the_connection(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    upstream.says(answer(307, b"", {"Location": "/api/v1/items/"}))
    where = gateway.get("/invoke/desk/items").header("Location")
    assert where
    upstream.says(answer(200, b"all"))
    assert gateway.get(where).body == b"all"
    assert upstream.last.target == "/api/v1/items/"


@pytest.mark.parametrize("status", [200, 201, 304])
def test_another_status_has_its_location_untouched(
    gateway: Gateway, desk: Desk, upstream: Upstream, status: int
) -> None:
    desk.connection()
    upstream.says(answer(status, b"", {"Location": "/api/v1/items/7"}))
    assert gateway.get("/invoke/desk/items").header("Location") == "/api/v1/items/7"


def test_a_task_is_told_the_location_as_it_came(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(answer(302, b"", {"Location": "/api/v1/items/"}))
    got = gateway.task(connection="desk", url="/items", detailed=True)
    assert got.json["responseHeader"]["location"] == "/api/v1/items/"


def keyed(desk: Desk, **service: Any) -> Connection:
    block = {"params": [{"key": "key", "display_name": "Key"}]}
    return desk.connection(block=block, secrets={"key": "canary-key"}, **service)


def test_the_credentials_own_query_key_is_left_out(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    keyed(desk, param="query")
    upstream.says(answer(302, b"", {"Location": "/api/v1/items/?key=canary-key&a=1&KEY=canary-key"}))
    assert gateway.get("/invoke/desk/items").header("Location") == "/invoke/desk/items/?a=1"


def test_the_key_in_the_path_is_left_out(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    keyed(desk, param="path", service={"base_url": f"{upstream.url}/bot{{key}}"})
    for where in ("/botcanary-key/items/", "items/"):
        upstream.says(answer(302, b"", {"Location": where}))
        assert gateway.get("/invoke/desk/items").header("Location") == "/invoke/desk/items/"
