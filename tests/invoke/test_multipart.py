"""Parts of a multipart body, told where they stand (RFC 2046 5.1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke import bodies, multipart
from problems import InvalidInput
from tests.invoke.conftest import slices

HEAD = b'Content-Disposition: form-data; name="a"\r\n\r\n'
CONTENT = st.binary(max_size=40).filter(lambda content: b"\n--b" not in b"\n" + content)


@given(
    st.lists(CONTENT, min_size=1, max_size=5), st.binary(max_size=10).filter(lambda text: b"--b" not in text)
)
def test_finds_the_parts_that_were_put_together(contents: list[bytes], epilogue: bytes) -> None:
    parts = [HEAD + content for content in contents]
    assert slices(bodies.assemble(parts, b"b") + epilogue, b"b") == parts


@pytest.mark.parametrize("shift", range(-6, 2))
def test_finds_a_boundary_wherever_one_search_ends_and_the_next_begins(shift: int) -> None:
    first = HEAD + b"x" * (multipart.WINDOW_BYTES + shift - len(HEAD) - len(b"--b\r\n"))
    parts = [first, HEAD + b"second"]
    assert slices(bodies.assemble(parts, b"b"), b"b") == parts


def test_tells_names_and_the_beginning_of_a_value() -> None:
    data = bodies.assemble([bodies.text_part("a", "1" * 100), bodies.text_part("B", "")], b"b")
    first, second = multipart.parts_of(data, b"b", most=2) or []
    assert (first.name(), first.value) == ("a", "1" * multipart.VALUE_BYTES)
    assert (second.name(), second.value) == ("B", "")


def test_tells_that_there_are_more_parts_than_asked_for() -> None:
    data = bodies.assemble([HEAD] * 3, b"b")
    assert multipart.parts_of(data, b"b", most=2) is None
    assert len(slices(data, b"b", most=3)) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"--b",
        b"--b\r\n" + HEAD + b"1",
        b"--b\r\n" + HEAD + b"1\r\n--b\r\n",
        b"--b\r\n" + HEAD + b"1\n--b--",
        b"\n--b\r\n" + HEAD + b"1\r\n--b--",
        b"--b\r\n--b--",
        b"--bb\r\n" + HEAD + b"1\r\n--b--",
        b"--b\n" + HEAD + b"1\r\n--b--",
        b"--b x\r\n" + HEAD + b"1\r\n--b--",
        b"--b--\r\n" + HEAD + b"1\r\n--b--",
        b"--b\r\n" + b"x" * multipart.HEAD_BYTES + HEAD + b"1\r\n--b--",
    ],
)
def test_refuses_what_does_not_end_or_can_be_read_in_another_way(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        multipart.parts_of(data, b"b", most=10)


def part(disposition: str, rest: str = "\r\n\r\n1") -> multipart.Part:
    data = bodies.assemble([f"Content-Disposition: form-data; {disposition}{rest}".encode()], b"b")
    return (multipart.parts_of(data, b"b", most=1) or [])[0]


@pytest.mark.parametrize(
    ("disposition", "name", "names"),
    [
        ('name="a b"', "a b", {"a b"}),
        ("name=a; filename*=utf-8''%C3%A4", "a", {"a"}),
        ('filename="x; name=b"; name="a"', "a", {"a", "b"}),
        ('filename="x\\"; name=b; y="; name="a"', "a", {"a", "b"}),
        ('name="a\\"; name=b; y="', 'a"; name=b; y=', {'a"; name=b; y=', "a\\", "b"}),
    ],
)
def test_tells_a_name_and_what_others_may_take_for_it(disposition: str, name: str, names: set[str]) -> None:
    found = part(disposition)
    assert (found.name(), found.names()) == (name, names)


@pytest.mark.parametrize(
    ("disposition", "rest"),
    [
        ("x=y", "\r\n\r\n1"),
        ("name=", "\r\n\r\n1"),
        ("name=a; name=a", "\r\n\r\n1"),
        ("name=a; name*=utf-8''a", "\r\n\r\n1"),
        ("name=a\r\nContent-Disposition: form-data", "\r\n\r\n1"),
        ("name=a", ""),
    ],
)
def test_a_name_is_said_exactly_once(disposition: str, rest: str) -> None:
    with pytest.raises(InvalidInput):
        part(disposition, rest).name()
