"""Somebody at the API, in a browser without scripts and at a shell, who keeps all they were shown."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

from tests.server import Server

_HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINKS = re.compile(r'(?:href|action|src)="(/[^"#]*)"')
_ENDS_SOMETHING = re.compile(r"/(?:logout|revoke|delete|disable|static)/?")


@dataclass(slots=True)
class Customer:
    """``shown`` holds every answer by what was asked, its headers too."""

    server: Server
    token: str
    shown: dict[str, bytes] = field(default_factory=dict)
    browser: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """The API, or a call by link name, with the token."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        url = f"{self.server.url}{path}"
        answer = requests.request(
            method, url, json=body, headers=headers, timeout=20, allow_redirects=False, **options
        )
        return self._keep(f"{method} {path}", answer)

    def visit(self, path: str) -> requests.Response:
        answer = self.browser.get(urljoin(self.server.url, path), timeout=20, allow_redirects=False)
        return self._keep(f"page {path}", answer)

    def submit(self, path: str, **fields: str) -> requests.Response:
        """A form of ours, with its CSRF token."""
        url = urljoin(self.server.url, path)
        hidden = _HIDDEN.search(self.browser.get(url, timeout=20).text)
        data = fields | ({"csrfmiddlewaretoken": hidden[1]} if hidden else {})
        answer = self.browser.post(
            url, data=data, headers={"Referer": url}, timeout=20, allow_redirects=False
        )
        return self._keep(f"form {path}", answer)

    def run(self, *command: str, **environment: str) -> None:
        """A management command; both of its outputs are kept."""
        done = self.server.run(*command, **environment)
        self.shown[f"manage.py {' '.join(command)[:60]}"] = f"{done.stdout}\n{done.stderr}".encode()

    def crawl(self, *starts: str, most: int = 300) -> int:
        """Every page that can be reached without pressing anything; how many."""
        waiting, visited = list(starts), set[str]()
        while waiting and len(visited) < most:
            path = waiting.pop()
            if path in visited or _ENDS_SOMETHING.search(path):
                continue
            visited.add(path)
            answer = self.visit(path)
            waiting += _LINKS.findall(answer.text)
            if answer.headers.get("Location", "").startswith("/"):
                waiting.append(answer.headers["Location"])
        return len(visited)

    def _keep(self, asked: str, answer: requests.Response) -> requests.Response:
        headers = json.dumps(dict(answer.headers)).encode()
        self.shown[f"{asked} #{len(self.shown)}"] = headers + b"\n" + answer.content
        return answer
