"""G1: what an API token looks like, and what is kept of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections import tokens
from connections.models import ApiToken
from people.models import User
from vault import digest


def made(user: User) -> tuple[ApiToken, str]:
    row, secret = tokens.issue(user=user, name="script", scopes=["invoke"], rules={})
    return row, secret.reveal()


def test_parses_what_it_issues(owner: User) -> None:
    row, text = made(owner)
    parsed = tokens.parse(text)
    assert parsed is not None
    assert parsed.token_id == row.token_id
    assert tokens.find(parsed) == row


def test_holds_at_least_160_bits_of_secret(owner: User) -> None:
    _, text = made(owner)
    found = re.fullmatch(r"swb_[0-9a-z]{16}_([0-9A-Za-z]{32})[0-9A-Za-z]{6}", text)
    assert found
    assert 62 ** len(found[1]) > 2**160


def test_differs_each_time(owner: User) -> None:
    assert made(owner)[1] != made(owner)[1]


def test_keeps_a_hash_and_not_the_token(owner: User) -> None:
    row, text = made(owner)
    stored = str(ApiToken.objects.values().get(pk=row.pk))
    secret = text.split("_")[2][:32]
    assert secret not in stored
    assert digest(secret) in stored


@given(st.integers(min_value=0, max_value=58), st.sampled_from("0123456789abcdefghijABCDEFGHIJ_"))
def test_sees_a_typo_before_any_look_up(place: int, character: str) -> None:
    good = good_token()
    wrong = good[:place] + character + good[place + 1 :]
    assert (tokens.parse(wrong) is not None) == (wrong == good)


@given(st.text())
def test_refuses_any_other_text(text: str) -> None:
    assert tokens.parse(text) is None


def good_token() -> str:
    text = "swb_0123456789abcdef_" + "0123456789ABCDEFGHIJabcdefghij01"
    return text + tokens._checksum(text)


def test_prints_no_hash(owner: User) -> None:
    parsed = tokens.parse(made(owner)[1])
    assert parsed
    assert parsed.secret_hash not in repr(parsed)


@pytest.mark.django_db
def test_finds_nothing_for_a_right_id_with_a_wrong_secret(owner: User) -> None:
    row, _ = made(owner)
    assert tokens.find(tokens.Parsed(row.token_id, digest("guess"))) is None


@pytest.mark.django_db
def test_notes_its_use_only_forward_in_time(owner: User) -> None:
    from datetime import timedelta

    from django.utils import timezone

    row, _ = made(owner)
    now = timezone.now()
    tokens.touch({row.pk: now})
    tokens.touch({row.pk: now - timedelta(hours=1)})
    assert ApiToken.objects.get(pk=row.pk).last_used_at == now
