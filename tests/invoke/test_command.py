"""``manage.py invokeurl``: the body on stdout, the exit code says how it went."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from invoke.models import Call
from people.models import User
from tests.invoke.conftest import KEY, Desk
from tests.invoke.upstream import Upstream, answer

pytestmark = [pytest.mark.usefixtures("loopback_allowed")]


@pytest.fixture
def desk(transactional_db: None, owner: User, upstream: Upstream) -> Desk:
    return Desk(owner, upstream)


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("invokeurl", *words, stdout=out, stderr=err)
    except SystemExit as left:
        return int(left.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_body_is_on_stdout_and_the_exit_is_0(desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(answer(200, b"body\n"))
    assert run("desk", "get", "/tickets?limit=1", "--header", "X-Own: 1") == (0, "body\n", "")
    assert (upstream.last.method, upstream.last.target) == ("GET", "/api/v1/tickets?limit=1")
    assert (upstream.last.header("X-Own"), upstream.last.header("X-Api-Key")) == ("1", KEY)
    call = Call.objects.get()
    assert (call.user, call.token, call.ip, call.path) == (desk.owner.email, "", "", "/api/v1/tickets")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_another_status_is_exit_1(desk: Desk, upstream: Upstream, status: int) -> None:
    desk.connection()
    upstream.says(answer(status, b"no"))
    assert run("desk", "GET", "/x") == (1, "no", "")


def test_no_call_is_exit_2_with_the_problem_on_stderr(desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    for words, code in (
        (("nothing", "GET", "/x"), "connection_not_found"),
        (("desk", "GET", "/../x"), "invalid_request"),
        (("desk", "GET", "https://evil.example/"), "host_not_allowed"),
        (("desk", "BREW", "/x"), "invalid_request"),
        (("desk", "GET", "/x", "--header", "nonsense"), "invalid_request"),
        (("desk", "POST", "/x", "--data", "@/nowhere"), "invalid_request"),
        (("desk", "GET", "/x", "--user", "nobody@example.com"), "not_found"),
    ):
        status, out, err = run(*words)
        assert (status, out, json.loads(err)["code"]) == (2, "", code), words
    assert upstream.seen == []


def test_data_is_a_text_or_a_file(desk: Desk, upstream: Upstream, tmp_path: Path) -> None:
    desk.connection()
    (tmp_path / "body").write_bytes(b"\x00\xff")
    run("desk", "POST", "/x", "--data", "häh")
    assert upstream.last.body == "häh".encode()
    run("desk", "PUT", "/x", "--data", f"@{tmp_path}/body")
    assert upstream.last.body == b"\x00\xff"


def test_detailed_tells_status_and_headers(desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(answer(404, b"no", {"X-Own": "1"}))
    status, out, _ = run("desk", "GET", "/x", "--detailed")
    told = json.loads(out)
    assert (status, told["responseCode"], told["responseText"], told["responseHeader"]["x-own"]) == (
        1,
        404,
        "no",
        "1",
    )


def test_it_runs_as_the_creator_unless_told_otherwise(
    desk: Desk, upstream: Upstream, teammate: User, stranger: User
) -> None:
    made = desk.connection(credentials_of="login_user", secrets={"X-Api-Key": "the owner's"})
    desk.share(made, teammate)
    desk.grant(made, {"X-Api-Key": "the teammate's"}, user=teammate)
    run("desk", "GET", "/x")
    assert upstream.last.header("X-Api-Key") == "the owner's"
    run("desk", "GET", "/x", "--user", teammate.email)
    assert upstream.last.header("X-Api-Key") == "the teammate's"
    status, _, err = run("desk", "GET", "/x", "--user", stranger.email)
    assert (status, json.loads(err)["code"]) == (2, "connection_not_found")
