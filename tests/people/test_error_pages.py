"""What a person sees when something is wrong: what happened, what to do, no detail of ours (K4)."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

import problems
from config import urls
from people import sessions
from people.models import User
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db
CANARY = "canary-9f3b"


def raising(error: Exception) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


class Urls:
    """The product's addresses and a few that fail."""

    urlpatterns: ClassVar[list[Any]] = [
        path("fails/crash/", raising(ZeroDivisionError(CANARY))),
        path("fails/database/", raising(OperationalError(CANARY))),
        path("fails/connection/", raising(InterfaceError(CANARY))),
        path("fails/conflict/", raising(problems.Conflict("That is taken.", hint="Choose <another>."))),
        path("fails/throttled/", raising(problems.Throttled(retry_after=7))),
        *urls.urlpatterns,
    ]
    handler400, handler403 = urls.handler400, urls.handler403
    handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def browser(signed_in: SignIn, owner: User, settings: Any) -> Client:
    settings.ROOT_URLCONF = Urls
    return signed_in(owner, raise_request_exception=False)


def words(answer: Any) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", answer.content.decode())


def test_an_absent_page_says_what_to_do(browser: Client) -> None:
    answer = browser.get("/no/such/page/")
    assert answer.status_code == 404
    assert "There is no page at this address, or it is not yours to see." in words(answer)
    assert "Check the address" in words(answer)
    assert "Connections" in words(answer), "the way on is there"


def test_an_error_of_ours_shows_its_words_its_hint_and_its_status(browser: Client) -> None:
    answer = browser.get("/fails/conflict/")
    assert answer.status_code == 409
    assert "That is taken." in words(answer)
    assert "Choose &lt;another&gt;." in answer.content.decode()


def test_a_throttled_page_says_when_to_come_back(browser: Client) -> None:
    answer = browser.get("/fails/throttled/")
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")


def test_a_crash_shows_nothing_of_itself(browser: Client) -> None:
    answer = browser.get("/fails/crash/")
    assert answer.status_code == 500
    assert CANARY not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert answer["Switchboard-Request"] in answer.content.decode(), "what to tell the administrator"
    assert answer["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["database", "connection"])
def test_a_database_that_is_away_is_a_503_with_retry_after(browser: Client, kind: str) -> None:
    answer = browser.get(f"/fails/{kind}/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database cannot be reached for the moment" in words(answer)
    assert CANARY not in answer.content.decode()


def test_a_database_that_is_away_before_the_view_is_a_503_too(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(request: HttpRequest) -> None:
        raise OperationalError(CANARY)

    monkeypatch.setattr(sessions, "actor_of", away)
    answer = browser.get("/audit/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert CANARY not in answer.content.decode()


def test_an_absent_address_of_the_api_is_a_problem_document(browser: Client) -> None:
    answer = browser.get("/api/v1/no/such/thing")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_a_method_that_an_address_does_not_take_is_told(browser: Client) -> None:
    page = browser.post("/audit/")
    assert (page.status_code, page["Allow"]) == (405, "GET, HEAD")
    assert "does not take that method" in words(page)
    answer = browser.put("/api/v1/people", {}, content_type="application/json")
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Allow"]


def test_a_page_that_a_stale_post_came_from_is_a_page_of_ours() -> None:
    from people.error_pages import page_before

    ask = RequestFactory(headers={"referer": "http://localhost:8000/people/new/?x=1"}).post("/people/new/")
    assert page_before(ask) == "/people/new/?x=1"
    for referer in ("https://evil.example/x", "http://localhost:8000//evil.example", "nonsense", ""):
        ask = RequestFactory(headers={"referer": referer}).post("/people/new/")
        assert page_before(ask) == "/people/new/"


def test_a_body_that_is_too_large_is_told(browser: Client, settings: Any) -> None:
    large = "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    page = browser.post(
        "/accounts/password/change/", f"oldpassword={large}", content_type="application/x-www-form-urlencoded"
    )
    assert page.status_code == 413
    answer = browser.post("/api/v1/people", {"email": large}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("path", ["/audit/?target=a%00b", "/api/v1/audit?target=%00", "/docs/a%00b/"])
def test_an_address_with_a_nul_is_refused(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 400


def test_a_page_that_is_gone_leads_a_visitor_to_the_sign_in(client: Client) -> None:
    answer = client.get("/welcome/absent/")
    assert answer.status_code == 410
    assert "To the sign-in" in words(answer)
    assert "<nav" not in answer.content.decode()


def test_messages_are_read_out(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    client.post("/accounts/logout/")
    page = client.get("/accounts/login/").content.decode()
    assert 'role="status"' in page
    assert "You are signed out." in page
