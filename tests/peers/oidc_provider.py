"""npm ``oidc-provider`` in a process of its own, and a person who signs in and consents there."""

import contextlib
import json
import re
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests import database
from tests.peers import node

CLIENT_SECRET = "a secret: with+signs&such"  # what form-encoding (RFC 6749 2.3.1) must survive
_FORM = re.compile(r'<form[^>]*action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """A running provider; ``issuer`` is its address."""

    issuer: str
    redirect_uri: str

    def definition(self, link_name: str, **oauth2: Any) -> dict[str, Any]:
        """The provider as a custom service of ours."""
        client_auth = oauth2.get("client_auth", "post")
        block = {
            "authorize_url": f"{self.issuer}/auth",
            "token_url": f"{self.issuer}/token",
            "revoke_url": f"{self.issuer}/token/revocation",
            "client_id": f"switchboard-client_secret_{client_auth}",
            "client_secret": CLIENT_SECRET,
            "issuer": self.issuer,
            "require_iss": True,
            "scopes": [{"name": name} for name in ("openid", "offline_access", "reports.read")],
            "authorize_params": {"prompt": "consent"},
        }
        return {
            "name": "Peer",
            "link_name": link_name,
            "auth_type": "oauth2",
            "param_type": "header",
            "base_url": self.issuer,
            "test": {"method": "GET", "path": "/me"},
            "identity": {"path": "/me", "id": "sub", "label": "sub"},
            "oauth2": block | oauth2,
        }

    def consent(self, authorize_url: str, login: str = "ada") -> str:
        """Sign in and consent by its forms, as a browser does; returns the callback's whole URL."""
        with requests.Session() as browser:
            browser.trust_env = False
            answer = browser.get(authorize_url, allow_redirects=False, timeout=10)
            for _ in range(12):
                target = answer.headers.get("Location")
                if target is None:
                    answer = self._submit(browser, answer, login)
                    continue
                url = urljoin(answer.url, target)
                if url.startswith(self.redirect_uri):
                    return url
                answer = browser.get(url, allow_redirects=False, timeout=10)
        raise AssertionError(f"The provider did not send the person back: {answer.status_code} {answer.text}")

    def counts(self) -> dict[str, Any]:
        """How often each grant was used, and refused."""
        counted: dict[str, Any] = requests.get(f"{self.issuer}/counts", timeout=10).json()
        return counted

    def is_active(self, token: str, client_auth: str = "post") -> bool:
        """What introspection (RFC 7662) says of a token."""
        client_id = f"switchboard-client_secret_{client_auth}"
        form = {"token": token, "client_id": client_id, "client_secret": CLIENT_SECRET}
        answer = requests.post(f"{self.issuer}/token/introspection", data=form, timeout=10)
        answer.raise_for_status()
        return bool(answer.json()["active"])

    @staticmethod
    def _submit(browser: requests.Session, page: requests.Response, login: str) -> requests.Response:
        form = _FORM.search(page.text)
        if form is None:
            raise AssertionError(f"The provider shows no form: {page.status_code} {page.text}")
        fields = dict(_HIDDEN.findall(page.text)) | {"login": login, "password": "anything"}
        url = urljoin(page.url, unescape(form[1]))
        return browser.post(url, data=fields, allow_redirects=False, timeout=10)


@contextlib.contextmanager
def running(redirect_uri: str, access_token_ttl: int = 300) -> Generator[OidcProvider]:
    """Start a provider for one callback address."""
    folder = node.installed()
    port = database.free_port()
    settings = {"port": port, "redirectUri": redirect_uri, "accessTokenTtl": access_token_ttl}
    log_path = Path(folder / f"log-{port}")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [node.program("node"), "--no-warnings", "server.mjs", json.dumps(settings)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line.startswith(b"ready"):
            raise RuntimeError(f"oidc-provider did not start:\n{log_path.read_text()}")
        yield OidcProvider(f"http://127.0.0.1:{port}", redirect_uri)
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()
        log_path.unlink()
