"""Patterns that builders write: RE2's syntax (https://github.com/google/re2/wiki/Syntax), and linear time,
whatever the pattern and whatever it is held against."""

import re
from functools import lru_cache
from typing import Any

import re2

NO_PATTERN = "This is not a regular expression of RE2’s syntax."
NO_FLAGS = "Write the pattern without inline flags such as (?i): [A-Za-z] for letters of either case."
ONE_GROUP = "A pattern has at most one group, whose text is what is kept: write (?:…) for the others."
_MAX_MEMORY = 512 * 1024  # bytes a pattern may take; one that repeats whole alphabets needs more
_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)  # an escape, or a class of characters
_FLAGS = re.compile(r"\(\?(?!:|P?<)")


class NoPattern(ValueError):
    """The text is no pattern; the sentence says why."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The pattern as RE2's own object. Raises NoPattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        raise NoPattern(NO_PATTERN) from None


@lru_cache(maxsize=512)
def problem(pattern: str) -> str:
    """Why this cannot be a variable's pattern; empty where it can."""
    try:
        groups = compiled(pattern).groups
    except NoPattern as error:
        return str(error)
    if _FLAGS.search(_LITERAL.sub("", pattern)):
        return NO_FLAGS
    return ONE_GROUP if groups > 1 else ""


def has_group(pattern: str) -> bool:
    """Does it keep a part of the value? Raises NoPattern."""
    return bool(compiled(pattern).groups)


def kept(pattern: str, value: str) -> str:
    """What is kept of a value that the pattern matches whole: its group's text, where it has a group.

    Empty where it does not match. Raises NoPattern.
    """
    expression = compiled(pattern)
    found = expression.fullmatch(value)
    if found is None:
        return ""
    return str(found[1] or "") if expression.groups else value
