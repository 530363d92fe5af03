"""The pinned packages: exact, hashed, and the same to run and to test."""

import re

import pytest

from tests.server import ROOT

FOLDER = ROOT / "requirements"
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((FOLDER / f"{name}.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["base", "dev", "node"])
def test_every_package_is_pinned_with_hashes_and_no_address(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all(PIN.match(block) and "--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_the_tests_run_on_the_packages_that_are_shipped() -> None:
    assert pins("base").items() <= pins("dev").items()
    assert len(pins("base")) > 20


def test_every_package_asked_for_is_pinned() -> None:
    asked = (FOLDER / "base.in").read_text(encoding="utf-8").split("\n")
    names = {re.split(r"[<>=;\[ ]", line)[0].lower() for line in asked if line}
    assert names <= set(pins("base"))
