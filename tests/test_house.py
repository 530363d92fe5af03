"""The house keeps its own rules: layers, names, sizes, and what may stand in a page or a lock file."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

ROOT = Path(__file__).resolve().parent.parent
APPS = read_configuration()["session_options"]["root_packages"]
INSIDE = set(APPS) - {"config", "outbound"}  # the wiring looks whether its port is free
NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "services.py"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
LONGEST_MODULE_OF_SCRIPT = 80
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError\(\)|^\s*pass\s*#", re.MULTILINE)
INLINE_STYLE = re.compile(r"\sstyle\s*=|<style\b", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"\son[a-z]+\s*=\s*[\"']|javascript:|<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE)
FOREIGN_ASSET = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE
)
ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links")
SOCKETS = {"requests", "aiohttp", "httpx", "socket", "urllib.request", "urllib3", "http.client"}
MAY_CATCH_ALL = {"invoke/gateway.py", "connections/worker.py"}


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, new ones included, that match a pattern and are still there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in sorted(listed.stdout.split("\0")) if name and (path := ROOT / name).is_file()]


PYTHON = [path for path in tracked("*.py") if "migrations" not in path.parts]
TEMPLATES = [path for path in tracked("*.html") if "templates" in path.parts and "snippets" not in path.parts]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_point_down() -> None:
    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), is_debug_mode=False) is True


def test_every_app_stands_in_the_layers() -> None:
    apps = {path.parent.name for path in tracked("*/__init__.py") if path.parent.parent == ROOT} - {"tests"}
    assert apps - {"bench", "scripts"} == set(APPS)


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_file_is_named_sized_and_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.name not in NAMELESS, "its name says nothing of what is in it"
    assert text.count("\n") <= LONGEST_FILE, f"longer than {LONGEST_FILE} lines: make it a package"
    if path != Path(__file__):
        assert UNFINISHED.findall(text) == []


@pytest.mark.parametrize("path", [path for path in PYTHON if path.parts[-2] != "tests"], ids=name)
def test_functions_are_short_and_say_what_they_catch(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} is {length} lines long"
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node):
            caught = ast.unparse(node.type) if node.type else "everything"
            if name(path) in MAY_CATCH_ALL:
                continue
            assert caught not in {"everything", "Exception", "BaseException"}, f"line {node.lineno}: {caught}"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("path", [path for path in PYTHON if name(path).split("/")[0] in INSIDE], ids=name)
def test_only_outbound_opens_sockets(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    assert {module for module in imported if module in SOCKETS or module.split(".")[0] in SOCKETS} == set()


@pytest.mark.parametrize("app", APPS)
def test_app_opens_with_a_sentence(app: str) -> None:
    told = ast.get_docstring(ast.parse((ROOT / app / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert told.endswith("."), f"{app}/__init__.py says what the room is for"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_template_needs_no_exception_from_the_content_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert INLINE_STYLE.findall(text) == []
    assert INLINE_SCRIPT.findall(text) == []
    assert FOREIGN_ASSET.findall(text) == []


@pytest.mark.parametrize("path", tracked("static/js/*.js"), ids=name)
def test_script_is_one_small_behaviour(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE_OF_SCRIPT
    assert not re.search(r"\beval\(|new Function\(|\.innerHTML\s*=|https?://", text)


@pytest.mark.parametrize("path", tracked("requirements/*.txt"), ids=name)
def test_lock_pins_by_hash_and_names_no_index(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pinned = [line for line in lines if "==" in line]
    assert pinned
    assert not [line for line in lines if ADDRESS.search(line)]
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)


def test_lock_of_the_peers_names_no_registry() -> None:
    text = (ROOT / "tests/peers/oidc/package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in text
    assert '"resolved"' not in text


@pytest.mark.parametrize("banned", ["advocate", "niquests", "urllib3-future", "brotli", "zstandard"])
def test_lock_holds_no_package_that_undoes_the_guard(banned: str) -> None:
    for path in tracked("requirements/*.txt"):
        assert not re.search(
            rf"^{banned}\w*==", path.read_text(encoding="utf-8"), re.MULTILINE | re.IGNORECASE
        )


def test_two_http_clients_ship_each_for_its_plane() -> None:
    """aiohttp for calls, requests for the control plane; both dial through the guard."""
    names = set(
        re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements/base.txt").read_text(), re.MULTILINE)
    )
    assert names & {"aiohttp", "requests", "httpx", "httplib2", "pycurl"} == {"aiohttp", "requests"}


def test_every_catalogue_file_is_toml() -> None:
    files = tracked("services/catalogue/*.toml")
    assert len(files) >= 30
    for path in files:
        assert tomllib.loads(path.read_text(encoding="utf-8"))["name"], name(path)


def test_runs_on_the_python_that_it_promises() -> None:
    assert sys.version_info >= (3, 11)
