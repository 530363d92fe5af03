"""The manual: every error has its place, every link leads somewhere, every setting is told."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from manual import pages
from problems import AppError
from tests.server import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
ROOMS = (
    "api",
    "config",
    "connections",
    "invoke",
    "outbound",
    "people",
    "services",
    "services/auth_types",
    "vault",
)
LINK = re.compile(r"\]\(([a-z-]+\.md|docs/[a-z-]+\.md)?(#[a-z0-9_-]+)?\)")
SETTING = re.compile(r"\b(?:text|number|flag|one_of|networks|allowed_hosts|callback)\(\s*\"([A-Z_]+)\"")


def error_classes() -> Iterator[type[AppError]]:
    for room in ROOMS:
        for name in ("errors", "handlers"):
            if (ROOT / room / f"{name}.py").exists():
                importlib.import_module(f"{room}.{name}".replace("/", "."))
    waiting = [AppError]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        yield found


def anchors(page: str) -> set[str]:
    found = pages.find(page)
    assert found
    return set(re.findall(r'id="([^"]+)"', found.html))


def test_every_error_has_a_heading_of_its_code() -> None:
    codes = {error.code for error in error_classes()}
    assert codes - anchors("errors") == set()


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        there = path.parent / target if target else path
        assert there.is_file(), target
        if anchor:
            assert anchor.removeprefix("#") in anchors(there.stem), f"{target}{anchor}"


def test_every_setting_is_told() -> None:
    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    told = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    settings = set(SETTING.findall(source))
    assert {"PORT", "DATABASE_URL", "EGRESS_ALLOW"} <= settings
    assert {setting for setting in settings if f"`{setting}`" not in told} == set()
