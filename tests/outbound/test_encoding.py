"""One layer of gzip, under a cap (E3). What it takes of memory: ``test_floods``."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.encoding import decoded
from outbound.errors import ResponseTooLarge, UpstreamInvalid


@given(body=st.binary(max_size=300), encoding=st.sampled_from(["gzip", "x-gzip", "GZIP", " gzip "]))
def test_undoes_gzip(body: bytes, encoding: str) -> None:
    assert decoded(gzip.compress(body), encoding, max_bytes=300) == body


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_leaves_a_plain_body_alone(encoding: str) -> None:
    assert decoded(b"plain", encoding, max_bytes=5) == b"plain"


def test_undoes_several_gzip_members_in_a_row() -> None:
    assert decoded(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", max_bytes=10) == b"one two"


def test_undoes_one_layer_only() -> None:
    inner = gzip.compress(b"secret")

    assert decoded(gzip.compress(inner), "gzip", max_bytes=100) == inner


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "gzip,br", "rot13"])
def test_refuses_an_encoding_that_was_not_offered(encoding: str) -> None:
    with pytest.raises(UpstreamInvalid):
        decoded(b"whatever", encoding, max_bytes=100)


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        gzip.compress(b"cut off", mtime=0)[:-9],
        gzip.compress(b"ok", mtime=0) + b"rubbish",
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
