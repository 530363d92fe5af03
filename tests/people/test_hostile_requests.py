"""Whatever a stranger sends is answered, and leaves no traceback in the log."""

import io
import socket
from collections.abc import Iterator

import pytest
from django.core.exceptions import TooManyFieldsSent

from people.request import Request
from tests.server import Server

CODECS = ["hex", "punycode", "idna", "rot13", "base64", "zlib", "undefined", "utf-16", "utf-7", "unknown"]
LOGIN = "/accounts/login/"
PART = b'--b\r\nContent-Disposition: form-data; name="login"\r\n\r\na\xc3\xa4@example.com\r\n--b--\r\n'


def request(content_type: str, body: bytes = b"", *, query: str = "", method: str = "POST") -> Request:
    scope = {
        "type": "http",
        "path": LOGIN,
        "method": method,
        "query_string": query.encode(),
        "headers": [
            (b"content-type", content_type.encode("latin-1")),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    return Request(scope, io.BytesIO(body))


@pytest.mark.parametrize("codec", CODECS)
def test_text_is_utf_8_whatever_charset_a_request_names(codec: str) -> None:
    for written in (f"charset={codec}", f'CHARSET="{codec}"', f"charset*={codec}''x", f"x*={codec}''%ff"):
        form = request(f"application/x-www-form-urlencoded; {written}", b"login=a%C3%A4", query="q=%C3%A4")
        assert (form.POST["login"], form.GET["q"], form.encoding) == ("aä", "ä", None)
        parts = request(f"multipart/form-data; {written}; boundary=b; {written}", PART)
        assert parts.POST["login"] == "aä@example.com"


def test_too_many_keys_in_a_query_are_told_when_they_are_asked_for_and_not_before() -> None:
    asked = request("text/plain; charset=utf-8", query="a&" * 3000, method="GET")
    with pytest.raises(TooManyFieldsSent):
        _ = asked.GET


def hostile() -> Iterator[tuple[str, str, list[tuple[str, str]], bytes]]:
    """What has been known to end in a traceback, and its like."""
    for codec in CODECS:
        yield "POST", LOGIN, [("Content-Type", f"multipart/form-data; boundary=b; charset={codec}")], PART
        yield "GET", LOGIN, [("Content-Type", f"text/plain; charset*={codec}''%ff")], b""
        head = (
            f"Content-Disposition: form-data; name*={codec}''%41\r\nContent-Type: text/plain; charset={codec}"
        )
        body = f"--b\r\n{head}\r\n\r\n1\r\n--b--\r\n".encode()
        yield "POST", LOGIN, [("Content-Type", "multipart/form-data; boundary=b")], body
    for query in ("q=\xff", "\xff=\xfe", "q=%ff", "q=%ED%A0%80", "q=%00", "a&" * 2500, "q=" + "w+" * 2000):
        for path in ("/connections/", LOGIN, "/api/v1/connections", "/oauth/callback/x", "/healthz"):
            yield "GET", f"{path}?{query}", [("Content-Type", "text/plain; charset=utf-8")], b""
    for path in ("/\xff", "/%ff/", "/welcome/%ff/", "/authorize/%ED%A0%80/", "/api/v1/people/%C2%B2", "//"):
        yield "POST", path, [], b"a=1"
    for name, value in (
        ("Authorization", "Bearer \xc2\xb2"),
        ("Cookie", "switchboard_session=\xff; switchboard_csrf=\xe4"),
        ("Referer", "http://[::1"),
        ("Origin", "http://[::1"),
        ("HX-Current-URL", "http://[::1"),
        ("X-CSRFToken", "\xff"),
        ("X-Forwarded-For", "\xff, [::1"),
        ("Content-Type", "multipart/form-data; boundary=" + "b" * 500),
    ):
        for path in (LOGIN, "/api/v1/tokens"):
            yield "POST", path, [(name, value), ("HX-Request", "true")], b"a=1"


def test_no_request_of_a_stranger_makes_a_traceback(server: Server) -> None:
    for method, target, headers, body in hostile():
        status = send(server, method, target, headers, body)
        assert 200 <= status < 500, (method, target[:60], headers, status)
    assert "Traceback" not in server.log


def send(server: Server, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> int:
    """The status of the answer to a request as it is written."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: localhost:{server.port}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        link.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return int(answer.split(b" ", 2)[1])
