"""Parameters of headers are read in one way, and in no time."""

import time

import pytest

from outbound.parameters import boundary_of, parameters


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('multipart/form-data; boundary="a b"; Boundary=c', {"boundary": "a b"}),
        ("text/html;charset=utf-8 ; a = b", {"charset": "utf-8", "a": "b"}),
        (r'attachment; filename="a\"b\\c\d"', {"filename": r'a"b\c\d'}),
        ("attachment; filename*=UTF-8''%e2%82%ac", {"filename*": "UTF-8''%e2%82%ac"}),
        ('a; b="; c=d"', {"b": "; c=d"}),
        ("a; b=; c", {"b": ""}),
        ("charset=utf-8", {}),
    ],
)
def test_reads_the_parameters_of_a_header(value: str, found: dict[str, str]) -> None:
    assert parameters(value) == found


@pytest.mark.parametrize("piece", ["; ", ";a=", ';a="', ';a="\\', ';x="\\";', ";" + " " * 99, ";" + "a" * 99])
def test_a_header_that_goes_on_and_on_is_read_at_once(piece: str) -> None:
    started = time.thread_time()
    parameters(piece * (2_000_000 // len(piece)))
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('multipart/form-data; boundary="a b"', "a b"),
        ("multipart/form-data; x=y; Boundary=" + "b" * 70, "b" * 70),
        ("multipart/form-data; boundary=" + "b" * 71, ""),
        (r'multipart/form-data; boundary="a\"b"', ""),
        ("multipart/form-data; boundary=", ""),
        ("multipart/form-data", ""),
    ],
)
def test_reads_the_boundary_of_a_multipart_type(value: str, found: str) -> None:
    assert boundary_of(value) == found
