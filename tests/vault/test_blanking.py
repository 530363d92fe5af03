"""What somebody else says, without our secrets in it."""

import base64
import html
import json
import random
import string
from urllib.parse import quote, quote_plus, unquote

import pytest
from django.utils.html import escape

from tests.canary.search import forms
from vault import Blanker, Secret, blank

SECRET = 's3cr+t/of = <our> "app"\'s & é-12345678'


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        SECRET.upper(),
        quote(SECRET),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        escape(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"our-app:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"x{SECRET}".encode()).decode(),
        " ".join(SECRET.split()),
    ],
)
def test_blanks_a_secret_however_it_is_spelt(spelt: str) -> None:
    said = blank(f"The client {spelt} is not known.", [Secret(SECRET)])
    assert said.startswith("The client ")
    assert said.endswith(" is not known.")
    assert "***" in said
    assert not any(form.decode() in said for form in forms(SECRET))


@pytest.mark.parametrize(
    "hidden",
    [
        "".join(f"%{byte:02x}" for byte in SECRET.encode()),
        "".join(f"%25{byte:02x}" for byte in SECRET.encode()),
        "".join(f"&#{ord(character)};" for character in SECRET),
        "".join(f"\\u{ord(character):04x}" for character in SECRET),
        "-".join(SECRET),
        " ".join(SECRET),
        ":".join(f"{byte:02x}" for byte in SECRET.encode()),
        base64.b32encode(SECRET.encode()).decode(),
        base64.b64encode(base64.b64encode(SECRET.encode())).decode(),
    ],
)
def test_blanks_whole_what_hides_a_secret(hidden: str) -> None:
    said = blank(f"The client {hidden} is not known.", [Secret(SECRET)])
    assert said == "***" or hidden not in said
    assert "12345678" not in unquote(html.unescape(said))


def test_tokens_and_texts_that_are_long_take_no_longer_than_they_are(secrets: list[Secret]) -> None:
    hide = Blanker(secrets)
    words = [f"scope.{number}" for number in range(2000)]
    assert [hide(word) for word in words] == words


@pytest.fixture
def secrets() -> list[Secret]:
    """The longest that a token answer may hold."""
    made = random.Random(7)
    return [Secret("".join(made.choices(string.ascii_letters, k=16_384))) for _ in range(2)]


@pytest.mark.parametrize("kept", [SECRET[:20], SECRET[5:25], SECRET[-14:]])
def test_blanks_what_is_left_of_a_secret_that_was_cut(kept: str) -> None:
    assert blank(f"unknown: {kept}", [Secret(SECRET)]) == "unknown: ***"


def test_leaves_everything_else_as_it_is() -> None:
    text = "The refresh token is not valid for this client (our-app)."
    assert blank(text, [Secret("refresh-1"), Secret("our-app-secret")]) == text


def test_takes_nothing_so_short_for_a_secret() -> None:
    assert blank("a cat", [Secret("a"), Secret("cat"), Secret("")]) == "a cat"


def test_blanks_each_secret_as_often_as_it_is_said() -> None:
    secrets = [Secret("code-1234"), Secret("verifier-5678")]
    assert blank("code-1234, verifier-5678, code-1234!", secrets) == "***, ***, ***!"
