"""Pass-through: the same request, with the credential added, and the answer as it came."""

from tests.invoke.conftest import KEY, Desk, Gateway
from tests.invoke.upstream import Upstream


def test_sends_method_path_query_body_and_headers_on(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    got = gateway.send(
        "POST",
        "/invoke/desk/tickets%2F1/x?limit=10&q=a%20b",
        b'{"a":1}',
        {"Content-Type": "application/json", "X-Own": "1"},
    )
    assert got.status == 200
    assert got.header("Switchboard-Source") == "upstream"
    seen = upstream.last
    assert (seen.method, seen.target, seen.body) == (
        "POST",
        "/api/v1/tickets%2F1/x?limit=10&q=a%20b",
        b'{"a":1}',
    )
    assert seen.header("X-Own") == "1"
    assert seen.header("X-Api-Key") == KEY
    assert seen.header("Authorization") is None
