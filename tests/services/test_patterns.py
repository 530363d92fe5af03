"""Patterns of builders: what they may be, how long they take, what they keep."""

import time
from typing import Any

import pytest

from problems import ValidationFailed
from services import patterns, target

ENDLESS = ["(?x)(a+) +b", "(a+)+b", "a?" * 60 + "a" * 60, "(a|a)" * 30 + "b", "(?:a*)*b", "(.*)*x"]


def kept(pattern: str, value: str, **variable: Any) -> str:
    return target.check_variables([{"name": "v", "pattern": pattern, **variable}], {"v": value})["v"]


def refused(pattern: str, value: str, hosts: frozenset[str] = frozenset()) -> str:
    with pytest.raises(ValidationFailed) as raised:
        target.check_variables([{"name": "v", "pattern": pattern, "example": "acme"}], {"v": value}, hosts)
    return raised.value.errors[0]["message"]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_no_pattern_takes_long_whatever_it_is_held_against(pattern: str) -> None:
    started = time.thread_time()
    if patterns.problem(pattern) != patterns.NO_PATTERN:
        for length in (30, target.MAX_GIVEN - 1):
            patterns.kept(pattern, "a" * length + "c")
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    "pattern", [r"\pL{1000}", r"(\pL|\pN|\pS){300}", "(" * 90 + "a" + ")" * 90, "x{9}" * 49]
)
def test_no_pattern_takes_long_to_read(pattern: str) -> None:
    started = time.thread_time()
    patterns.problem(pattern)
    assert time.thread_time() - started < 1


def test_a_value_is_matched_whole() -> None:
    assert kept("[a-z]+", "acme") == "acme"
    assert kept("a|ab", "ab") == "ab"
    assert "such as acme" in refused("[a-z]+", "acme1")
    assert "such as acme" in refused("^[a-z]+$", "acme/b")


def test_the_group_is_what_is_kept() -> None:
    address = r"(?:https?://)?([a-z0-9-]+)(?:\.example\.com/?.*)?"
    assert kept(address, "acme") == "acme"
    assert kept(address, f"https://acme.example.com/{'x' * 200}") == "acme"
    assert kept("(?P<name>[a-z]+)-[0-9]+", "acme-7") == "acme"


def test_what_the_group_keeps_must_be_fit_for_its_place() -> None:
    assert "small letters" in refused("https://(.*)", "https://evil.example/x", frozenset({"v"}))
    assert "100 characters" in refused("x(.*)", "x" + "a" * 101)
    assert "dots alone" in refused("x(.*)", "x..")
    assert "such as acme" in refused("x(y)?", "x")  # a group that is no part of the match keeps nothing
    assert "100 characters" in refused("(a).*", "a" * (target.MAX_GIVEN + 1))


@pytest.mark.parametrize(
    "pattern", ["(?i)a", "(?s:.)", "a(?-i)b", "(?i:a)[b]", "[a](?U)b", r"\[(?i)]", "[]](?i)a"]
)
def test_says_that_there_are_no_inline_flags(pattern: str) -> None:
    assert patterns.problem(pattern) == patterns.NO_FLAGS


@pytest.mark.parametrize("pattern", ["(?:a)", r"\(?a", "[(?i)]", "(?P<name>a)", "a??", r"[^\]]+(?:b)"])
def test_what_looks_like_a_flag_and_is_none_is_taken(pattern: str) -> None:
    assert patterns.problem(pattern) == ""


def test_a_stored_pattern_that_cannot_be_used_is_its_builders_matter() -> None:
    assert "builder" in refused("(?=a)a", "a")
