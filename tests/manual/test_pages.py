"""The manual: docs/*.md as pages."""

import os
import re
from pathlib import Path

import pytest

from manual import pages
from people.models import User
from tests.conftest import SignIn

TEXT = """# Errors & *signs*

Read [calls](calls.md#limits) or [elsewhere](https://example.com/x.md).

## `connection_not_found`

| code | status |
|---|---|
| a | 404 |

<script>alert(1)</script>

```python
print("<b>")
```
"""


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    (tmp_path / "errors.md").write_text(TEXT)
    (tmp_path / "a-first-call.md").write_text("No heading here.")
    return tmp_path


@pytest.fixture
def html(docs: Path) -> str:
    page = pages.find("errors")
    assert page
    return page.html


def test_takes_the_first_heading_for_the_title(docs: Path) -> None:
    assert [(page.name, page.title) for page in pages.contents()] == [
        ("a-first-call", "A first call"),
        ("errors", "Errors & signs"),
    ]


def test_the_index_says_in_which_order_they_come(docs: Path) -> None:
    (docs / "more.md").write_text("# More")
    (docs / "index.md").write_text("# Docs\n[Errors](errors.md#x), [More](more.md)")
    assert [page.name for page in pages.contents()] == ["errors", "more", "a-first-call"]


def test_a_heading_is_where_the_type_of_a_problem_points(html: str) -> None:
    assert '<h2 id="connection_not_found">' in html


def test_links_to_other_pages_are_their_addresses(html: str) -> None:
    assert 'href="/docs/calls/#limits"' in html
    assert 'href="https://example.com/x.md"' in html


def test_tables_scroll_on_their_own(html: str) -> None:
    assert '<div class="table"><table>' in html
    assert "</table></div>" in html


def test_html_in_a_file_is_text(html: str) -> None:
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;" in html


def test_a_changed_file_is_read_again(docs: Path) -> None:
    assert pages.find("errors")
    (docs / "errors.md").write_text("# Other")
    os.utime(docs / "errors.md", ns=(1, 1))
    page = pages.find("errors")
    assert page
    assert page.title == "Other"


@pytest.mark.parametrize("name", ["absent", "../settings", "/etc/passwd", "..", ""])
def test_what_is_no_page_is_none(docs: Path, name: str) -> None:
    assert pages.find(name) is None


@pytest.mark.django_db
def test_shows_its_pages_and_marks_the_one_that_is_open(
    signed_in: SignIn, stranger: User, docs: Path
) -> None:
    client = signed_in(stranger)
    assert "A first call" in client.get("/docs/").content.decode()
    page = client.get("/docs/errors/").content.decode()
    assert re.search(r'<a href="/docs/errors/"\s+aria-current="page">Errors &amp; signs</a>', page)
    assert client.get("/docs/absent/").status_code == 404
