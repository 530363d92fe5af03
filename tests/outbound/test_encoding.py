"""One layer of gzip, under a cap (E3). What it takes of memory: ``test_floods``."""

import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.encoding import MOST_MEMBERS, decoded, is_encoded
from outbound.errors import ResponseTooLarge, UpstreamInvalid


@given(body=st.binary(max_size=300), encoding=st.sampled_from(["gzip", "x-gzip", "GZIP", " gzip "]))
def test_undoes_gzip(body: bytes, encoding: str) -> None:
    assert decoded(gzip.compress(body), encoding, max_bytes=300) == body


@pytest.mark.parametrize("encoding", ["", "identity", "UTF-8", "none", "rot13", "utf-8, identity", ",", " "])
def test_leaves_a_plain_body_alone(encoding: str) -> None:
    assert decoded(b"plain", encoding, max_bytes=5) == b"plain"
    assert not is_encoded(encoding)


@pytest.mark.parametrize("encoding", ["gzip, utf-8", "UTF-8,gzip", "identity, x-gzip"])
def test_a_word_that_is_no_coding_says_nothing(encoding: str) -> None:
    assert decoded(gzip.compress(b"body"), encoding, max_bytes=5) == b"body"
    assert is_encoded(encoding)


def test_undoes_several_gzip_members_in_a_row() -> None:
    assert decoded(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", max_bytes=10) == b"one two"


def test_undoes_one_layer_only() -> None:
    inner = gzip.compress(b"secret")

    assert decoded(gzip.compress(inner), "gzip", max_bytes=100) == inner


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "gzip,br", "x-gzip, gzip", "dcz", "Br"]
)
def test_refuses_an_encoding_that_was_not_offered(encoding: str) -> None:
    with pytest.raises(UpstreamInvalid):
        decoded(b"whatever", encoding, max_bytes=100)


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        gzip.compress(b"cut off", mtime=0)[:-9],
        gzip.compress(b"ok", mtime=0) + b"rubbish",
        gzip.compress(b"ok", mtime=0) + b"\x00",
        gzip.compress(b"ok", mtime=0) + b"\x1f",
        zlib.compress(b"zlib"),
    ],
)
def test_refuses_what_is_not_the_gzip_it_says(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        decoded(body, "gzip", max_bytes=100)


@pytest.mark.parametrize("size", [101, 10_000_000])
def test_refuses_more_than_the_cap(size: int) -> None:
    with pytest.raises(ResponseTooLarge):
        decoded(gzip.compress(bytes(size)), "gzip", max_bytes=100)


def test_refuses_many_small_members_that_are_more_than_the_cap() -> None:
    with pytest.raises(ResponseTooLarge):
        decoded(gzip.compress(bytes(30)) * 4, "gzip", max_bytes=100)


def test_undoes_so_many_members_and_no_more() -> None:
    member = gzip.compress(b"x", mtime=0)
    assert decoded(member * MOST_MEMBERS, "gzip", max_bytes=MOST_MEMBERS) == b"x" * MOST_MEMBERS
    with pytest.raises(UpstreamInvalid):
        decoded(member * (MOST_MEMBERS + 1), "gzip", max_bytes=10_000)


def test_members_that_cross_the_slices_they_are_read_in_stay_whole() -> None:
    noise = zlib.compress(bytes(range(256)) * 300, 0)  # as long compressed as it is
    told = decoded(gzip.compress(noise, mtime=0) * 20, "gzip", max_bytes=len(noise) * 20)
    assert told == noise * 20


@pytest.mark.parametrize("behind", [b"\x00", gzip.compress(b"", mtime=0)], ids=["zeros", "empty members"])
def test_what_stands_behind_the_first_member_costs_no_more_than_its_length(behind: bytes) -> None:
    """Fourteen megabytes took half a minute: each remainder was copied whole."""
    body = gzip.compress(b"ok", mtime=0) + behind * (14_000_000 // len(behind))
    started = time.thread_time()
    with pytest.raises(UpstreamInvalid):
        decoded(body, "gzip", max_bytes=15_000_000)
    assert time.thread_time() - started < 2
