"""People at a real browser, in front of a server as it ships. A journey fails on any breach of the policy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.server import Server

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
BOXES = "input:not([type=radio]):not([type=checkbox]), textarea"
PICTURES = Path("test-results")
PATIENCE_MS = 15_000
PASSWORD = "correct horse battery staple"

# Tells the console of every breach of the content security policy, in each page of the context.
LISTENER = """
document.addEventListener('securitypolicyviolation', (breach) =>
  console.error(`POLICY ${breach.effectiveDirective} ${breach.blockedURI} ${breach.sourceFile}`));
"""


@dataclass
class Person:
    """Somebody with a browser of their own. ``wrong`` collects what no journey may see."""

    page: Page
    server: Server
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.server.url}{path}")

    def fill(self, label: str, text: str) -> None:
        """The visible field of that label: each authentication type has fields of its own."""
        self.page.get_by_label(label).locator("visible=true").and_(self.page.locator(BOXES)).first.fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name).first.click()

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def is_at(self, path: str) -> None:
        expect(self.page).to_have_url(f"{self.server.url}{path}")

    # --- What a journey may not see ----------------------------------------------------------------
    def hears(self, kind: str, text: str) -> None:
        """The console. What could not be loaded is told by the answers, with its address."""
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.wrong.append(text)

    def asks(self, request: Request) -> None:
        """A page of ours asks nobody else for anything; forms may lead elsewhere."""
        is_ours = request.is_navigation_request() or request.url.startswith(self.server.url)
        if not is_ours and request.frame.url.startswith(self.server.url):
            self.wrong.append(f"{request.frame.url} asked for {request.url}")

    def gets(self, url: str, status: int, kind: str) -> None:
        """A page may refuse; what a page is made of may not be missing, and the server may not fail."""
        if url.startswith(self.server.url) and (status >= 500 or (status >= 400 and kind != "document")):
            self.wrong.append(f"{status} {url}")

    # --- What people do here ----------------------------------------------------------------------
    def become_administrator(self, email: str = "ada@example.com") -> None:
        """From the one-time link to being signed in."""
        self.page.goto(self.server.manage("first_link"))
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Start")
        self.page.wait_for_url(lambda url: "/welcome/" not in url)
        if "/accounts/login/" in self.page.url:
            self.sign_in(email)

    def sign_in(self, email: str) -> None:
        if "/accounts/login/" not in self.page.url:
            self.go("/accounts/login/")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")
        self.page.wait_for_url(lambda url: "/accounts/login/" not in url)

    def pick(self, service: str) -> None:
        """Step 1 of Create connection."""
        self.go("/connections/")
        self.follow("Create connection")
        self.page.get_by_placeholder("Search").fill(service)
        self.page.get_by_role("link", name=service).first.click()

    def agree(self, button: str = "Allow") -> None:
        """Our page that says who asks for what, then the provider's."""
        self.press("Continue to")
        self.press(button)

    def make_token(self, *scopes: str) -> str:
        """A token's text, from the page that shows it once."""
        self.go("/tokens/")
        self.follow("Make a token")
        self.page.get_by_label("Name", exact=True).fill("journey")
        for scope in scopes:
            self.page.get_by_label(scope).check()
        self.press("Make the token")
        return self.page.get_by_label("API token").input_value()

    def snippet(self, link_name: str, language: str = "python") -> str:
        """The code of the summary page, as it would be copied."""
        self.go(f"/connections/{link_name}/")
        return self.page.locator(f"#code-{language}").text_content() or ""

    def run_snippet(self, link_name: str, token: str) -> str:
        """What the Python snippet prints when it is run elsewhere with the token."""
        done = subprocess.run(
            [sys.executable, "-c", self.snippet(link_name)],
            env={"SWITCHBOARD_TOKEN": token, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    """One browser a module: its event loop must be over before other tests bring their own."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "There is no Chromium here: `make test` installs one as root."
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def arrive(
    chromium: Browser, server: Server, request: pytest.FixtureRequest
) -> Generator[Callable[..., Person]]:
    """A further person, with a browser of their own: ``arrive()``."""
    people: list[Person] = []
    contexts: list[BrowserContext] = []

    def arriving() -> Person:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTENER)
        contexts.append(context)
        person = Person(context.new_page(), server)
        _watch(context, person)
        people.append(person)
        return person

    yield arriving
    for number, person in enumerate(people):
        PICTURES.mkdir(exist_ok=True)
        person.page.screenshot(path=PICTURES / f"{request.node.name}-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    assert [wrong for person in people for wrong in person.wrong] == []


@pytest.fixture
def person(arrive: Callable[..., Person]) -> Person:
    return arrive()


def _watch(context: BrowserContext, person: Person) -> None:
    """Breaches of the policy, errors of scripts, requests that leave the machine, what of ours is missing."""
    context.on("console", lambda said: person.hears(said.type, said.text))
    context.on("weberror", lambda error: person.wrong.append(str(error.error)))
    context.on("request", person.asks)
    context.on(
        "response", lambda answer: person.gets(answer.url, answer.status, answer.request.resource_type)
    )
