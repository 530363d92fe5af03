"""What a browser may do with our pages (H1 to H3, H5, H8), over every address there is."""

import re
import subprocess
import sys
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from pytest_django import Settings

from people.middleware import SecurityHeaders
from people.models import User
from tests.conftest import PASSWORD, SignIn
from tests.people.crawl import addresses

pytestmark = pytest.mark.django_db
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=\"|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
FOREIGN = re.compile(r"<(?:script|link|img|iframe|use)[^>]+(?:src|href)=\"(?:https?:)?//", re.IGNORECASE)


@pytest.fixture(params=["nobody", "stranger", "administrator"])
def visitor(request: pytest.FixtureRequest, signed_in: SignIn, stranger: User, administrator: User) -> Client:
    people = {"stranger": stranger, "administrator": administrator}
    return signed_in(people[request.param]) if request.param in people else Client()


def directives(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_every_page_has_its_security_headers(visitor: Client) -> None:
    asked = addresses()
    assert len(asked) > 20
    for path in asked:
        answer = visitor.get(path)
        assert answer.status_code < 500, path
        policy = directives(answer)
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", path
        assert policy["object-src"] == "'none'", path
        for directive in ("script-src", "style-src", "img-src", "connect-src"):
            assert policy[directive] == "'self'", (path, directive)
        assert "unsafe" not in answer["Content-Security-Policy"], path
        assert answer["X-Content-Type-Options"] == "nosniff", path
        assert answer["X-Frame-Options"] == "DENY", path
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert answer["Referrer-Policy"] in {"same-origin", "no-referrer"}, path
        assert "no-store" in answer["Cache-Control"], path
        assert "noindex" in answer["X-Robots-Tag"], path
        assert answer["Switchboard-Request"], path
        assert answer["Date"].endswith(" GMT"), path


def test_no_page_has_inline_code_or_asks_another_site(visitor: Client) -> None:
    for path in addresses():
        answer = visitor.get(path)
        if not answer["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        assert not INLINE.search(page), (path, INLINE.search(page))
        assert not FOREIGN.search(page), path


def test_only_the_page_that_continues_to_a_provider_may_send_its_form_elsewhere(client: Client) -> None:
    assert directives(client.get("/accounts/login/"))["form-action"] == "'self'"

    def continues(_: Any) -> HttpResponse:
        answer = HttpResponse()
        answer.csp_form_action_extra = "https:"  # type: ignore[attr-defined]
        return answer

    answer = SecurityHeaders(continues)(RequestFactory().get("/authorize/x/"))
    assert directives(answer)["form-action"] == "'self' https:"


def test_an_oauth_callback_sends_no_referrer_on(client: Client) -> None:
    answer = client.get("/oauth/callback/absent?code=canary&state=canary")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert "canary" not in answer.content.decode()


def cookies(client: Client, owner: User, **options: Any) -> list[Any]:
    client.get("/accounts/login/", **options)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD}, **options)
    client.get("/audit/", **options)
    assert len(client.cookies) == 2
    return list(client.cookies.values())


def test_every_cookie_is_httponly_and_lax(client: Client, owner: User) -> None:
    for cookie in cookies(client, owner):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert not cookie["secure"], "on loopback http a Secure cookie would be dropped by programs"
        assert not cookie.key.startswith("__Host-")


UNDER_HTTPS = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from people.models import User
User.objects.create_user("ada@example.com", "correct horse battery staple")
client = Client(headers={"host": "switchboard.example.com"})
client.get("/accounts/login/", secure=True)
answer = client.post(
    "/accounts/login/", {"login": "ada@example.com", "password": "correct horse battery staple"}, secure=True
)
for cookie in client.cookies.values():
    print(cookie.key, *(cookie[name] for name in ("secure", "httponly", "samesite", "path", "domain")))
print(answer["Strict-Transport-Security"])
"""


def test_under_https_cookies_are_secure_and_bound_to_the_host(tmp_path: Any) -> None:
    environment = {
        "DATA_DIR": str(tmp_path),
        "PUBLIC_URL": "https://switchboard.example.com",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": "sqlite",
        "LOG_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_HTTPS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *cookie_lines, hsts = done.stdout.strip().splitlines()
    assert sorted(cookie_lines) == [
        "__Host-switchboard_csrf True True Lax / ",
        "__Host-switchboard_session True True Lax / ",
    ]
    assert hsts == "max-age=31536000"


def test_there_is_no_hsts_on_loopback_http(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/accounts/login/").headers


def test_static_files_are_cached_and_have_the_policy_too(client: Client, settings: Settings) -> None:
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    answer = Client().get("/static/css/app.css")
    answer.close()
    assert answer.status_code == 200
    assert "no-store" not in answer["Cache-Control"]
    assert directives(answer)["default-src"] == "'none'"


def test_static_files_are_whole_answers_for_asgi(settings: Settings) -> None:
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    settings.PUBLIC_URL = "http://testserver"
    get = async_to_sync(AsyncClient().get)
    answer = get("/static/css/app.css")  # a stream would warn, and warnings are errors
    assert not answer.streaming
    assert answer["Content-Type"] == 'text/css; charset="utf-8"'
    assert int(answer["Content-Length"]) == len(answer.content)
    unchanged = get("/static/css/app.css", headers={"If-None-Match": answer["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_every_post_with_a_session_needs_the_token_of_its_form(
    signed_in: SignIn, administrator: User
) -> None:
    strict = signed_in(administrator, enforce_csrf_checks=True)
    for path in addresses():
        refusals = {400} if path.startswith("/oauth/callback") else {403, 404, 405}
        assert strict.post(path, {"x": "y"}).status_code in refusals, path


def test_the_api_with_a_session_needs_the_token_too(signed_in: SignIn, administrator: User) -> None:
    strict = signed_in(administrator, enforce_csrf_checks=True)
    answer = strict.post("/api/v1/people", {"email": "x@example.com"}, content_type="application/json")
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert not User.objects.filter(email="x@example.com").exists()
