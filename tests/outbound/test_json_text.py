"""JSON that others wrote: what counts as it, how deep it may be, and how long looking at it takes."""

import json
import time
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outbound import json_text
from outbound.json_text import DEEPEST, READ_AT_ONCE_BYTES, Long, NotJson, TooDeep

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=40,
)
MARKS = st.text(st.sampled_from('[]{},:"\\0-1.eE+ \ttrufalsn\x00'), max_size=3)

NOT_JSON = [
    *("", " ", "[1,]", '{"a":1,}', '{"a"}', '{"a":}', "[1 2]", "01", "1.", "-", "NaN", "[Infinity]", "'a'"),
    *("tru", '"\n"', '"\\x"', '"\\u12g4"', '"', "[", "]", "{]", '["a":1]', '{"a":1 "b":2}', "{1:2}", "1 1"),
    *(
        "[,]",
        "[]]",
        "[[[[[[[[0}]]]]]]]",
        '[[[[[[["a":0]]]]]]]',
        "[[[[[[[[0]]]]]]]],",
        '{"a":[[[[[[[0]]]]]]],}',
    ),
    *('{"a":1,2}', '[1,"a":2]', '{"a":{"b":[[[[[[[0]]]]]]]},1}', "\ufeff\ufeff1"),
]


def is_json(text: str) -> bool:
    try:
        json_text.check(text.encode())
    except NotJson:
        return False
    return True


def is_json_to_python(text: str) -> bool:
    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def whole(value: Any) -> Any:
    """What was read in parts, put together."""
    if not isinstance(value, Long):
        return value
    if value.is_object:
        return {name: whole(part) for name, part in value.entries()}
    return [whole(part) for part in value.items()]


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_takes_what_is_json(value: Any, indent: int | str | None, is_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert is_json(text)
    assert json_text.read(text.encode()) == value


@given(VALUES, st.floats(0, 1), st.integers(0, 2), MARKS)
@example([[[[[[[[0]]]]]]], 1], 0.5, 1, "}")
@example([[[[[[[[0]]]]]]], 1], 1.0, 0, "]")
@example({"a": {"b": [[[[[[{"c": 1}]]]]]]}, "d": 0}, 0.9, 0, ",")
def test_takes_and_refuses_what_python_does(value: Any, place: float, dropped: int, put: str) -> None:
    text = json.dumps(value)
    at = int(place * len(text))
    text = text[:at] + put + text[at + dropped :]
    assert is_json(text) == is_json_to_python(text)


@pytest.mark.parametrize("text", NOT_JSON)
def test_refuses_what_is_not_json(text: str) -> None:
    assert not is_json(text)
    for read in (json_text.read, json_text.read_in_parts):
        with pytest.raises(NotJson):
            read(text.encode())


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), (' { "\\n" : [ ', " ] }\n")])
def test_takes_a_hundred_levels_and_no_more(opened: str, closed: str) -> None:
    levels = opened.count("{") + opened.count("[")
    deepest = DEEPEST // levels
    for inner, further in (("0", 0), ("[]", 1), ("[1, 2]", 1)):
        text = opened * (deepest - further) + inner + closed * (deepest - further)
        json_text.check(text.encode())
        json_text.read(text.encode())
    for inner, further in (("0", 1), ("[]", 0), ("[1, 2]", 0), ("{}", 0)):
        text = opened * (deepest + further) + inner + closed * (deepest + further)
        for look in (json_text.check, json_text.read, json_text.read_in_parts):
            with pytest.raises(TooDeep):
                look(text.encode())


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * 200_000 + "]" * 200_000])
def test_refuses_depth_without_going_there(text: str) -> None:
    for look in (json_text.check, json_text.read, json_text.read_in_parts):
        with pytest.raises(NotJson):
            look(text.encode())


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_reads_every_unicode_that_json_may_be_in(coding: str) -> None:
    assert json_text.read('{"ä": "\N{SNOWMAN}"}'.encode(coding)) == {"ä": "☃"}


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc3', b"\xff\xfe\x00", b"9" * 5000])
def test_refuses_what_cannot_be_read(data: bytes) -> None:
    with pytest.raises(NotJson):
        json_text.read(data)


@given(VALUES, st.sampled_from([None, 1]))
def test_what_is_long_is_read_in_parts(value: Any, indent: int | None) -> None:
    told = {
        "first": value,
        "long": [value, "x" * READ_AT_ONCE_BYTES, {"y": [value] * 3, "z\n": "x" * READ_AT_ONCE_BYTES}],
    }
    found = json_text.read_in_parts(json.dumps(told, indent=indent).encode())
    assert isinstance(found, Long)
    assert whole(found) == told


def test_a_part_knows_its_own_text() -> None:
    found = json_text.read_in_parts(b' [ {"a" : "' + b"x" * READ_AT_ONCE_BYTES + b'"} , 1.50, {} ] ')
    assert isinstance(found, Long)
    first, second, third = found.items()
    assert isinstance(first, Long)
    assert (json.loads(first.raw), second, third) == ({"a": "x" * READ_AT_ONCE_BYTES}, 1.5, {})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quotes_as_json_does(text: str) -> None:
    assert b"".join(json_text.quoted(text)) == json.dumps(text, ensure_ascii=False).encode()


def test_quotes_a_long_text_piece_by_piece() -> None:
    text = '"ä\\\x00' * READ_AT_ONCE_BYTES
    assert b"".join(json_text.quoted(text)) == json.dumps(text, ensure_ascii=False).encode()


def test_refuses_what_is_deep_in_more_places_than_any_document() -> None:
    deep = "[" * 10 + "0" + "]" * 10
    json_text.check(f"[{','.join([deep] * 10_000)}]".encode())
    with pytest.raises(TooDeep):
        json_text.check(f"[{','.join([deep] * 300_000)}]".encode())


PAYLOAD = "[" + "0," * 200 + "[[[[[[[0]]]]]]]]"
SHAPES = {
    "numbers": ("[", "0,", "0]"),
    "members": ("{", '"a":0,', '"a":0}'),
    "lists": ("[", "[],", "0]"),
    "deep lists": ("[", "[" * 90 + "0" + "]" * 90 + ",", "0]"),
    "just too deep for an expression": ("[", "[[[[[[[[0]]]]]]]],", "0]"),
    "deep objects": ("[", '{"a":' * 60 + "0" + "}" * 60 + ",", "0]"),
    "long ones in deep ones": ("[", "[" * 80 + PAYLOAD + "]" * 80 + ",", "0]"),
    "space": ("[", " ", "0]"),
    "a text": ('"', "\\u0041", '"'),
    "never closed": ("", "[", ""),
    "never ended": ("", '["a",', ""),
    "never a value": ("[", ",", "]"),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_takes_as_long_as_the_text_is_and_no_longer(shape: tuple[str, str, str]) -> None:
    """Time that this thread has had, so that a busy machine judges nothing."""

    def look_s(size: int) -> float:
        first, middle, last = shape
        data = (first + middle * (size // len(middle)) + last).encode()
        started = time.thread_time()
        is_json(data.decode())
        return time.thread_time() - started

    json_text.prepare()
    once = min(look_s(200_000) for _ in range(3))
    assert look_s(3_200_000) < 60 * once + 0.05  # were it quadratic, 256 times
