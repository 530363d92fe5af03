"""``docs/*.md`` as pages: read, rendered, and kept while the file stays as it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

FOLDER = Path(settings.BASE_DIR) / "docs"
INDEX = "index"
_TO_ANOTHER_PAGE = re.compile(r"^(?:\./)?([a-z0-9-]+)\.md(#.*)?$")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the manual. ``html`` comes from our own files, with raw HTML switched off."""

    name: str
    title: str
    html: str


def find(name: str) -> Page | None:
    """The page called ``name``, or None."""
    path = FOLDER / f"{name}.md"
    if path.parent != FOLDER or not path.is_file():
        return None
    return _rendered(path, path.stat().st_mtime_ns)


def contents() -> list[Page]:
    """Every page but the index, in the order in which the index names them; what it leaves out comes last."""
    index = FOLDER / f"{INDEX}.md"
    text = index.read_text(encoding="utf-8") if index.is_file() else ""
    names = sorted(path.stem for path in FOLDER.glob("*.md") if path != index)
    names.sort(key=lambda name: text.find(f"({name}.md") % (len(text) + 1))  # -1, not there, is the last
    return [page for name in names if (page := find(name))]


@lru_cache(maxsize=64)
def _rendered(path: Path, _: int) -> Page:
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    tokens = markdown.parse(path.read_text(encoding="utf-8"))
    title = path.stem.replace("-", " ").capitalize()
    if len(tokens) > 2 and tokens[0].tag == "h1":
        title, tokens = _text(tokens[1]), tokens[3:]
    _give_headings_anchors(tokens)
    return Page(path.stem, title, markdown.renderer.render(tokens, markdown.options, {}))


def _text(heading: Token) -> str:
    return "".join(child.content for child in heading.children or [])


def _give_headings_anchors(tokens: Sequence[Token]) -> None:
    """A heading's id is its text: ``## connection_not_found`` is where a problem's ``type`` points."""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", slugify(_text(inline)))


class _Renderer(RendererHTML):
    """Tables that scroll on their own; links to other pages as their addresses."""

    def table_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="table"><table>\n'

    def table_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        match = _TO_ANOTHER_PAGE.match(str(token.attrGet("href") or ""))
        if match:
            token.attrSet("href", f"/docs/{match[1]}/{match[2] or ''}")
        return self.renderToken(tokens, index, options, env)
