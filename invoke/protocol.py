"""The server's HTTP protocol, which answers what it cannot parse as every error of ours is answered."""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from people.ids import uuid7
from problems import InvalidInput
from problems.families import CONTENT_TYPE

NOT_HTTP = InvalidInput(
    "This is not HTTP/1.1 as this server takes it: an unknown method, a malformed header, or both "
    "Content-Length and Transfer-Encoding."
)


class Protocol(HttpToolsProtocol):
    """For ``uvicorn.Config(http=…)``."""

    def send_400_response(self, msg: str) -> None:
        """A problem, and the end of the connection: where the next request would begin is not known."""
        body = json.dumps(NOT_HTTP.as_problem()).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {CONTENT_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            f"switchboard-call: {uuid7()}\r\n"
            "switchboard-source: switchboard\r\n"
            "x-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
