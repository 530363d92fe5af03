"""How errors are told (RFC 9457)."""

import pytest

import problems
from problems import AppError, Throttled, ValidationFailed


@pytest.mark.parametrize("name", problems.__all__)
def test_every_family_says_what_happened_and_the_next_step(name: str) -> None:
    family = getattr(problems, name)
    error = family([]) if name == "ValidationFailed" else family()
    told = error.as_problem()
    assert {"type", "title", "status", "detail", "code", "hint"} <= told.keys()
    assert told["detail"].endswith(".")
    assert told["hint"].endswith(".")
    assert told["status"] == family.status
    assert told["type"].endswith(f"#{family.code}")


def test_an_error_keeps_the_words_it_was_raised_with() -> None:
    told = AppError("The moon is down.", hint="Wait for the sun.", authorize_url="/authorize/x/").as_problem()
    assert told["detail"] == "The moon is down."
    assert told["hint"] == "Wait for the sun."
    assert told["authorize_url"] == "/authorize/x/"


@pytest.mark.parametrize(("seconds", "header"), [(7, "7"), (0, "1"), (0.2, "1"), (-3, "1")])
def test_retry_after_is_whole_seconds_and_at_least_one(seconds: float, header: str) -> None:
    assert Throttled(retry_after=seconds).headers() == {"Retry-After": header}


def test_no_retry_after_where_none_was_given() -> None:
    assert Throttled().headers() == {}


def test_a_failed_validation_names_field_and_reason() -> None:
    error = ValidationFailed.of("oauth2.token_url", "Use https.")
    assert error.errors == [{"field": "oauth2.token_url", "message": "Use https."}]
    assert error.as_problem()["errors"] == error.errors
