"""Bodies of the API are JSON, and nest no deeper than anybody needs."""

import json
from typing import Any

import pytest

from api.parser import read
from outbound.json_text import DEEPEST
from problems import ValidationFailed


def nested(depth: int, *, inside: str = "") -> bytes:
    return ("[" * depth + inside + "]" * depth).encode()


def objects(depth: int) -> bytes:
    return ('{"a":' * depth + "1" + "}" * depth).encode()


@pytest.mark.parametrize(
    "body",
    [
        nested(DEEPEST),
        objects(DEEPEST),
        nested(DEEPEST, inside='"' + "[" * 500 + '"'),
        b'"' + b'\\"[{' * 1000 + b'"',
        b"[" + b"[],{}," * 5000 + b"1]",
        b"\xef\xbb\xbf{}",
    ],
)
def test_reads_what_is_no_deeper(body: bytes) -> None:
    assert read(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        nested(DEEPEST + 1),
        objects(DEEPEST + 1),
        nested(330),
        nested(100_000),
        b'["]",' * 101 + b"1",
        b'["\\"]",' * 101 + b"1",
    ],
)
def test_tells_that_a_body_is_too_deep(body: bytes) -> None:
    with pytest.raises(ValidationFailed) as told:
        read(body)
    assert told.value.errors == [
        {"field": "body", "message": "This nests arrays and objects more than 100 deep."}
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{nonsense",
        b"\xff\xfe",
        *('{"a": 1}'.encode(codec) for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32-le")),
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"9" * 5000,
        b"]" * 500 + b"[" * 500,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"' + b'\\"[' * 500_000,
    ],
)
def test_takes_nothing_for_json_that_is_none(body: bytes) -> None:
    with pytest.raises(ValueError):
        read(body)


@pytest.mark.parametrize(
    ("body", "value"), [(b"1e999", float("inf")), (b'"\\ud800"', "\ud800"), (b"null", None)]
)
def test_leaves_values_to_those_who_take_them(body: bytes, value: Any) -> None:
    assert read(body) == value
