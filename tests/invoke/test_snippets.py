"""Snippets: ready to paste, and as what they say they are."""

import ast
import json
import shlex
from html import unescape
from re import sub

import pytest

from connections.models import Connection
from invoke import snippets
from people.models import User
from tests.invoke.conftest import Desk
from tests.invoke.upstream import Upstream


@pytest.fixture
def desk(db: None, owner: User, upstream: Upstream) -> Desk:
    return Desk(owner, upstream)


def code(connection: Connection, language: str) -> str:
    return next(snippet.code for snippet in snippets.snippets(connection) if snippet.language == language)


HOSTILE = "/me?q=\"'`$(id)</script>"
INVOKED = f"http://localhost:8000/invoke/desk{HOSTILE}"


def test_deluge_names_the_connection_and_the_services_own_address(desk: Desk, upstream: Upstream) -> None:
    made = desk.connection(service={"test": {"method": "GET", "path": "/me"}})
    assert code(made, "deluge").splitlines() == [
        "response = invokeurl",
        "[",
        f'\turl : "{upstream.url}/api/v1/me"',
        "\ttype : GET",
        '\tconnection : "desk"',
        "];",
        "info response;",
    ]


def test_deluge_in_zoho_calls_us_by_a_connection_of_theirs(desk: Desk) -> None:
    text = code(desk.connection(), "deluge_in_zoho")
    assert 'url : "http://localhost:8000/invoke/desk"' in text
    assert 'connection : "switchboard"' in text
    assert "YOUR_API_TOKEN" in text


def test_python_is_python_with_the_address_in_it(desk: Desk) -> None:
    tree = ast.parse(code(desk.connection(service={"test": {"path": HOSTILE}}), "python"))
    assert INVOKED in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_curl_is_a_command_with_the_address_in_it(desk: Desk) -> None:
    words = shlex.split(
        code(desk.connection(service={"test": {"path": HOSTILE}}), "curl").replace("\\\n", " ")
    )
    assert words[:4] == ["curl", "--request", "GET", INVOKED]


def test_javascript_has_the_address_as_a_string(desk: Desk) -> None:
    text = code(desk.connection(service={"test": {"path": HOSTILE}}), "javascript")
    literal = text.partition("fetch(")[2].partition(", {\n")[0]
    assert json.loads(literal) == INVOKED


def test_json_has_the_originals_keys(desk: Desk) -> None:
    made = desk.connection(scopes=["Desk.tickets.READ"])
    assert json.loads(code(made, "json")) == {
        "connectionLinkName": "desk",
        "connectionName": "Desk",
        "serviceName": made.auth.service.link_name,
        "userAccess": False,
        "isUserDefinedService": True,
        "sharedBy": str(desk.owner.pk),
        "scope": ["Desk.tickets.READ"],
    }


def test_scope_is_left_out_where_there_are_none(desk: Desk) -> None:
    assert "scope" not in json.loads(code(desk.connection(), "json"))


def test_a_key_in_the_path_stays_out_of_the_snippet(desk: Desk, upstream: Upstream) -> None:
    made = desk.connection(
        param="path",
        block={"params": [{"key": "token"}]},
        secrets={"token": "12:ab"},
        service={"base_url": f"{upstream.url}/bot{{token}}", "test": {"path": "/getMe"}},
    )
    assert 'url : "/getMe"' in code(made, "deluge")
    assert "{token}" not in code(made, "curl")


def test_a_test_on_another_host_is_called_by_its_host(desk: Desk) -> None:
    made = desk.connection(service={"test": {"path": "https://files.example.com/me"}})
    assert "http://localhost:8000/invoke/desk/~files.example.com/me" in code(made, "curl")
    assert 'url : "https://files.example.com/me"' in code(made, "deluge")


def test_colours_change_no_character_and_let_no_markup_in(desk: Desk) -> None:
    for snippet in snippets.snippets(desk.connection(service={"test": {"path": HOSTILE}})):
        assert unescape(sub(r"</?span[^>]*>", "", snippet.html)) == snippet.code
        assert "<script" not in snippet.html
        assert "</script" not in snippet.html
        assert 'class="s"' in snippet.html
        assert "style=" not in snippet.html


def test_a_variable_that_is_missing_leaves_the_page_whole(desk: Desk) -> None:
    made = desk.connection(service={"base_url": "https://{dc}.example.com", "hosts": ["{dc}.example.com"]})
    assert "http://localhost:8000/invoke/desk" in code(made, "curl")


def test_every_language_has_its_template_and_a_name_of_its_own() -> None:
    assert len({language.name for language in snippets.LANGUAGES}) == len(snippets.LANGUAGES)
