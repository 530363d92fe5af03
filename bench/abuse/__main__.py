"""Throw every attack at a server of our own, one after the other, and print how long others waited.

    .venv/bin/python -m bench.abuse [--only NAME]... [--database postgres] [--log FILE] [--list]

On Linux and on loopback alone: the server, the services that it calls and PostgreSQL are started here, and
ended here. Nothing is asserted. It takes five minutes, and longer where the server has to be started anew.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections

from bench.abuse import stage
from bench.abuse.attacks import ALL, Attack
from bench.abuse.run import SETTLE_S, Row, run
from bench.abuse.server import ROOT, WEB_WORKERS, Server
from bench.abuse.stage import Target
from bench.abuse.watch import Figures
from bench.call_path import free_port
from tests import database

PEOPLE = ("ada", "mallory", "gang1", "gang2", "gang3", "gang4")  # the bystander, the attacker, who joins in
LONGEST_S = 900.0
TOP = ("attack", "another caller", "`/healthz`", "the API", "what came of it")
LEGEND = "Milliseconds, median / worst: without the attack → with it. `>`: had not been answered at all."


async def main(attacks: list[Attack], *, is_on_postgres: bool, log: Path | None) -> None:
    print(_machine(is_on_postgres=is_on_postgres), LEGEND, "", sep="\n")
    print(_line(*TOP), _line(*("---" for _ in TOP)), sep="\n", flush=True)
    async with (
        asyncio.timeout(LONGEST_S),
        _upstream() as bystanders_port,
        _upstream() as attackers_port,
        _server(log, is_on_postgres=is_on_postgres) as server,
    ):
        tokens = await asyncio.to_thread(_make_people, server)
        watched, is_well = "", True
        for attack in attacks:
            if not is_well:
                await server.stop()
                await server.start()
            target = _target(server, attackers_port, tokens)
            watched = watched or await _make_watched(target, bystanders_port)
            row = await run(server, attack, target, watched)
            is_well = row.settled_s is not None
            print(_told(row), flush=True)


# --- Who takes part ---------------------------------------------------------------------------------
@contextlib.asynccontextmanager
async def _server(log: Path | None, *, is_on_postgres: bool) -> AsyncIterator[Server]:
    """Running; its folder is gone in the end, less the log where that is wanted."""
    with tempfile.TemporaryDirectory(prefix="abuse-") as folder, _cluster(is_on_postgres) as cluster:
        data = Path(folder) / "data"
        url = cluster.url if cluster else f"sqlite:///{data}/switchboard.sqlite3"
        server = Server(data, free_port(), url, cluster.folder / "log" if cluster else None)
        try:
            await server.start()
            yield server
        finally:
            await server.stop()
            if log:
                shutil.copy(server.log_file, log)


@contextlib.contextmanager
def _cluster(is_wanted: bool) -> Iterator[database.Cluster | None]:
    """PostgreSQL, in a folder of its own."""
    cluster = database.start() if is_wanted else None
    try:
        yield cluster
    finally:
        if cluster:
            cluster.stop()


@contextlib.asynccontextmanager
async def _upstream() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.abuse.upstream"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _make_people(server: Server) -> list[str]:
    """A builder each, and a token of theirs; by the commands that an operator has, in one process."""
    os.environ |= server.environment() | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    django.setup()
    tokens: list[str] = []
    for name in PEOPLE:
        email, printed = f"{name}@example.com", StringIO()
        call_command("add_person", email, role="builder", stdout=StringIO())
        call_command("issue_token", user=email, name=name, scope=["invoke", "manage"], stdout=printed)
        tokens.append(printed.getvalue().strip())
    connections.close_all()
    return tokens


def _target(server: Server, upstream_port: int, tokens: list[str]) -> Target:
    assert server.process is not None
    bystander, attacker, *gang = tokens
    return Target(
        port=server.port,
        upstream_port=upstream_port,
        supervisor_pid=server.process.pid,
        token=attacker,
        gang=tuple(gang),
        bystander=bystander,
    )


async def _make_watched(target: Target, upstream_port: int) -> str:
    """What the bystander calls all the time: a service that no attacker keeps busy."""
    theirs = dataclasses.replace(target, token=target.bystander, upstream_port=upstream_port)
    return await stage.make_keyed(theirs)


# --- What is printed --------------------------------------------------------------------------------
def _machine(*, is_on_postgres: bool) -> str:
    """The load is of the minute before: others on the machine make every figure worse."""
    kept_in = "PostgreSQL" if is_on_postgres else "SQLite"
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    return f"{machine}, {kept_in}, {WEB_WORKERS} web processes."


def _told(row: Row) -> str:
    pairs = zip(row.without, row.during, strict=True)
    came_of_it = "; ".join(filter(None, (row.outcome, *row.left_behind, _settled(row.settled_s))))
    return _line(f"`{row.attack.name}`: {row.attack.what}", *(_cell(*pair) for pair in pairs), came_of_it)


def _settled(settled_s: float | None) -> str:
    if settled_s is None:
        return f"not well again within {SETTLE_S:.0f} s, so started anew"
    return f"well again after {settled_s:.0f} s" if settled_s >= 1 else ""


def _cell(without: Figures, during: Figures) -> str:
    refused = f", {during.refused} of {during.asked} refused" if during.refused else ""
    return f"{without} → {during}{refused}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.abuse", description=__doc__)
    names = [attack.name for attack in ALL]
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help="this attack; repeatable"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep what the server printed")
    parser.add_argument("--list", action="store_true", help="print the attacks' names and end")
    return parser.parse_args()


def _begin() -> None:
    options = _chosen()
    chosen = [attack for attack in ALL if attack.name in (options.only or [attack.name])]
    if options.list:
        print(*(f"{attack.name:20}{attack.what}" for attack in chosen), sep="\n")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        asyncio.run(main(chosen, is_on_postgres=options.database == "postgres", log=options.log))
    except TimeoutError:
        sys.exit(f"Stopped after {LONGEST_S / 60:.0f} minutes.")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    _begin()
