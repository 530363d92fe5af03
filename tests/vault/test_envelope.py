"""Sealed values open where they were sealed, and nowhere else (checklist F1 to F3)."""

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

import vault
from vault import envelope, keyring
from vault.errors import BadKeyRing, Unsealable

ROW = uuid.UUID(int=7)
PLACE = {"table": "grant", "row_id": ROW, "field": "secrets", "version": 3}


@pytest.fixture(autouse=True)
def _two_keys(settings: Settings) -> None:
    settings.CREDENTIAL_KEYS = f"new:{_key(b'n')},old:{_key(b'o')}"


def _key(filler: bytes) -> str:
    return base64.b64encode(filler * 32).decode()


def _sealed(text: str = "canary") -> bytes:
    return vault.seal(text, **PLACE)  # type: ignore[arg-type]


@given(text=st.text())
def test_opens_to_what_was_sealed(text: str) -> None:
    assert vault.unseal(_sealed(text), **PLACE).reveal() == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("table", "oauth_client"), ("row_id", uuid.UUID(int=8)), ("field", "flow_secrets"), ("version", 4)],
)
def test_does_not_open_in_another_place(name: str, value: object) -> None:
    with pytest.raises(Unsealable):
        vault.unseal(_sealed(), **{**PLACE, name: value})  # type: ignore[arg-type]


def test_does_not_open_when_any_byte_was_changed() -> None:
    blob = _sealed()
    for index in range(len(blob)):
        changed = bytes([*blob[:index], blob[index] ^ 1, *blob[index + 1 :]])
        with pytest.raises(Unsealable):
            vault.unseal(changed, **PLACE)  # type: ignore[arg-type]


def test_does_not_open_when_it_was_cut_short() -> None:
    blob = _sealed()
    for length in range(len(blob)):
        with pytest.raises(Unsealable):
            vault.unseal(blob[:length], **PLACE)  # type: ignore[arg-type]


@pytest.mark.parametrize("blob", [b"plain text", b"", b"S", b"S\x02\x03new", b"R\x01\x03new"])
def test_never_passes_an_unsealed_value_through(blob: bytes) -> None:
    with pytest.raises(Unsealable):
        vault.unseal(blob, **PLACE)  # type: ignore[arg-type]


def test_an_older_key_still_opens(settings: Settings) -> None:
    settings.CREDENTIAL_KEYS = f"old:{_key(b'o')}"
    blob = _sealed()
    settings.CREDENTIAL_KEYS = f"new:{_key(b'n')},old:{_key(b'o')}"
    assert vault.unseal(blob, **PLACE).reveal() == "canary"  # type: ignore[arg-type]


def test_a_key_that_is_gone_is_named_as_the_reason(settings: Settings) -> None:
    blob = _sealed()
    settings.CREDENTIAL_KEYS = f"other:{_key(b'x')}"
    with pytest.raises(Unsealable, match="CREDENTIAL_KEYS"):
        vault.unseal(blob, **PLACE)  # type: ignore[arg-type]


def test_the_first_key_seals() -> None:
    assert b"new" in _sealed()[:8]


def test_secret_key_has_no_part_in_it(settings: Settings) -> None:
    blob = _sealed()
    settings.SECRET_KEY = "another" * 8
    assert vault.unseal(blob, **PLACE).reveal() == "canary"  # type: ignore[arg-type]


def test_ten_thousand_sealings_never_share_a_salt() -> None:
    start = 3 + len("new")
    salts = {_sealed()[start : start + envelope.SALT_BYTES] for _ in range(10_000)}
    assert len(salts) == 10_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "noseparator",
        "bad id:" + _key(b"k"),
        "k1:not-base64!",
        "k1:" + base64.b64encode(b"short").decode(),
    ],
)
def test_refuses_a_key_ring_that_is_no_key_ring(text: str) -> None:
    with pytest.raises(BadKeyRing, match="CREDENTIAL_KEYS") as refused:
        keyring.parse(text)
    assert base64.b64encode(b"short").decode() not in str(refused.value)


def test_a_key_ring_never_shows_its_keys() -> None:
    assert _key(b"n") not in repr(keyring.current())
    assert "nnnn" not in repr(keyring.current())


def test_a_new_entry_is_a_key_ring() -> None:
    assert keyring.parse(keyring.new_entry("k9")).sealing_id == "k9"
