"""PUBLIC_URL is the one address of ours; a Host header decides nothing (A9)."""

import pytest
from django.test import Client

from people.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:9", "[::1]:8000"])
def test_a_page_under_another_allowed_host_goes_to_public_url(host: str) -> None:
    answer = Client(headers={"host": host}).get("/audit/?actor=a%20b")
    assert answer.status_code == 307
    assert answer["Location"] == "http://localhost:8000/audit/?actor=a%20b"
    assert not answer.cookies


def test_a_post_is_sent_on_as_it_is_and_does_nothing(owner: User) -> None:
    client = Client(headers={"host": "127.0.0.1:8000"})
    answer = client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert answer.status_code == 307
    assert answer["Location"] == "http://localhost:8000/accounts/login/"
    assert not client.cookies


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/api/v1/people", 401)])
def test_programs_are_answered_under_every_allowed_host(path: str, status: int) -> None:
    assert Client(headers={"host": "127.0.0.1:8000"}).get(path).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "local host", "localhost:8000@e"])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/healthz", "/api/v1/people"])
def test_a_host_that_is_not_ours_is_refused(host: str, path: str) -> None:
    answer = Client(headers={"host": host}).get(path)
    assert answer.status_code == 400
    assert host not in answer.content.decode()


def test_forwarded_headers_change_no_address() -> None:
    forged = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "forwarded": "host=e.example",
    }
    answer = Client(headers=forged).get("/audit/")
    assert answer["Location"] == "/accounts/login/?next=/audit/"


def test_a_path_that_looks_like_a_host_stays_a_path() -> None:
    answer = Client(headers={"host": "127.0.0.1:8000"}).get("/", PATH_INFO="//evil.example/")
    assert answer["Location"] == "http://localhost:8000//evil.example/"
