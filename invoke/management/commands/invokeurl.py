"""``manage.py invokeurl``: a call from the command line, through the same engine as every call."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from connections.errors import ConnectionNotFound
from connections.models import Connection
from invoke import deluge, headers, paths, runtime, task_answer
from invoke.asks import Ask, Body, Caller
from invoke.recorder import Record
from outbound.client import Reply
from people.models import User
from problems import AppError, InvalidInput, NotFound

NO_CALL, NOT_2XX = 2, 1


class Command(BaseCommand):
    """Exit 0 on 2xx, 1 on another status, 2 when no call was made, with the problem on stderr."""

    help = "Call a service by link name; the answer's body goes to stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("link_name")
        parser.add_argument("method")
        parser.add_argument("path_or_url")
        parser.add_argument("--header", action="append", default=[], metavar="K:V")
        parser.add_argument("--data", default=None, metavar="TEXT|@FILE")
        parser.add_argument("--user", default="", metavar="EMAIL", help="default: the connection's creator")
        parser.add_argument("--detailed", action="store_true", help="status and headers, too, as JSON")

    def handle(self, *_: Any, **given: Any) -> None:
        """Make the call and leave with its exit code."""
        try:
            status, told = _call(given)
        except AppError as error:
            self.stderr.write(json.dumps(error.as_problem(), ensure_ascii=False))
            sys.exit(NO_CALL)
        self.stdout.flush()
        raw = getattr(self.stdout, "buffer", None)  # a body is bytes; a test's stdout takes text only
        if raw is None:
            self.stdout.write(told.decode("utf-8", "replace"), ending="")
        else:
            raw.write(told)
            raw.flush()
        if not 200 <= status < 300:
            sys.exit(NOT_2XX)


def _call(given: dict[str, Any]) -> tuple[int, bytes]:
    ask = _ask(given)
    caller = Caller(user_id=_user(given["link_name"], given["user"]).pk)
    task = deluge.Task(ask, detailed=given["detailed"], response_format="NONE", decoding="")
    told: list[bytes] = []
    record = Record.of(caller, ask)

    async def deliver(reply: Reply) -> None:
        got = await task_answer.read(reply, record, settings.CALL_MAX_RESPONSE_BYTES)
        if task.detailed:
            told.append((await task_answer.tell(task, got, record.row)).body + b"\n")
        else:
            told.append(got.body)

    runtime.call_now(caller, ask, record, deliver)
    return record.status, told[0]


def _ask(given: dict[str, Any]) -> Ask:
    host, path, query = paths.from_task(given["path_or_url"])
    return Ask(
        link_name=given["link_name"],
        method=given["method"].upper(),
        path=path,
        query=query,
        host=host,
        headers=(("Accept-Encoding", "gzip"), *headers.with_our_name(tuple(map(_header, given["header"])))),
        body=Body.of(_data(given["data"])),
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidInput(
            "--header takes a name and a value with a colon between them, such as Accept:text/csv."
        )
    return name.strip(), value.strip()


def _data(text: str | None) -> bytes:
    if text is None:
        return b""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise InvalidInput(f"--data: the file cannot be read ({error.strerror}).") from None


def _user(link_name: str, email: str) -> User:
    if email:
        person = User.objects.filter(email=email.strip().lower()).first()
        if person is None:
            raise NotFound("There is no person with that e-mail address.", hint="See the People page.")
        return person
    connection = Connection.objects.select_related("created_by").filter(link_name=link_name).first()
    if connection is None:
        raise ConnectionNotFound
    return connection.created_by
