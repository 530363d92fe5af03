"""The type that never prints (checklist K2)."""

import copy
import json
import pickle

import pytest

from vault import Secret

CANARY = "canary-5c8b"


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r:>20}".format, "%s".__mod__, ascii])
def test_shows_as_stars(shown: object) -> None:
    text = shown(Secret(CANARY))  # type: ignore[operator]
    assert CANARY not in text
    assert "***" in text


def test_is_not_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Secret(CANARY)})


def test_is_never_pickled_or_copied_by_pickle() -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            attempt(Secret(CANARY))


def test_reveals_itself_only_when_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_is_false_when_empty() -> None:
    assert not Secret("")
    assert Secret(CANARY)


def test_equals_a_secret_of_the_same_text_and_no_plain_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1
