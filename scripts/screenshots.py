"""Draw the pictures of the readme: a server on a folder of its own, a few connections, Chromium.

Run by `make pictures`. The pictures go to `docs/img/`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from machine import BROWSERS
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "img"
EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
KEY_CONNECTIONS = {
    "Stock levels": ("practice_api_key", {"X-Api-Key": "practice-key-stock"}),
    "Invoices": ("practice_basic", {"username": "ada", "password": "practice-password"}),
}
CALLED = ("items", "me", "items", "status/404", "items", "me")
SHOWN = {"connection": "/connections/desk_tickets/"}
CONSENT = {"Desk tickets": "practice_oauth2", "Field visits": "practice_oauth1"}


def main() -> None:
    """Every picture, anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    browser_path = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        environment = os.environ | {"DATA_DIR": folder, "PORT": str(free_port())}
        with server(environment) as (address, link):
            browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 1000}, device_scale_factor=1.5)
            become_administrator(page, link)
            token = manage(environment, "issue_token", "--user", EMAIL, "--name", "nightly", *scopes())
            set_the_scene(page, address, token)
            for name, path in SHOWN.items():
                page.goto(address + path)
                page.screenshot(path=PICTURES / f"{name}.png")
            browser.close()


def scopes() -> list[str]:
    """Everything a token may."""
    return ["--scope", "invoke", "--scope", "manage"]


@contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """`manage.py serve`; its address and its one-time link."""
    command = [sys.executable, "manage.py", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        words = [word for line in lines for word in line.split() if word.startswith("http")]
        yield words[0], words[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def become_administrator(page: Page, link: str) -> None:
    """From the one-time link to being signed in."""
    page.goto(link)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/connections/**")


def set_the_scene(page: Page, address: str, token: str) -> None:
    """A few connections, and calls on them."""
    api = requests.Session()
    api.headers["Authorization"] = f"Bearer {token}"
    for name, (service, credentials) in KEY_CONNECTIONS.items():
        create(api, address, name, service, credentials=credentials)
    for name, service in CONSENT.items():
        made = create(api, address, name, service, scopes=["profile", "items.read"] if "2" in service else [])
        page.goto(made["authorize_url"])
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(f"{address}/connections/**")
    for path in CALLED:
        for name in (*KEY_CONNECTIONS, *CONSENT):
            api.get(f"{address}/invoke/{link_name(name)}/{path}").close()
    wait_for_the_records(api, f"{address}/api/v1/connections/{link_name(name)}/calls")


def wait_for_the_records(api: requests.Session, address: str) -> None:
    """Calls are recorded a moment after they were answered."""
    for _ in range(100):
        if len(api.get(address).json()["items"]) >= len(CALLED):
            return
        time.sleep(0.1)
    sys.exit("The calls were not recorded.")


def create(api: requests.Session, address: str, name: str, service: str, **more: object) -> dict[str, str]:
    """A connection, by the managing API."""
    data = {"service": service, "name": name, "link_name": link_name(name), "audience": "everyone", **more}
    answer = api.post(f"{address}/api/v1/connections", json=data)
    if not answer.ok:
        sys.exit(f"{name} could not be created: {answer.text}")
    made: dict[str, str] = answer.json()
    return made


def link_name(name: str) -> str:
    """The link name of a connection of ours."""
    return name.lower().replace(" ", "_")


def manage(environment: dict[str, str], *command: str) -> str:
    """What `manage.py` prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def free_port() -> int:
    """8000, as people see it, or one that nobody listens on."""
    for wanted in (8000, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as probe:
            port: int = probe.getsockname()[1]
            return port
    sys.exit("There is no free port.")


if __name__ == "__main__":
    main()
