"""Where attacks are thrown, and what they need there: services and connections of the attackers' own."""

import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.abuse import wire

SETUP_S = 10.0
KEYED = {"params": [{"key": "X-Key", "display_name": "Key"}]}


@dataclass(frozen=True, slots=True)
class Target:
    """A server, our tokens for it, and our service.

    ``token`` is a builder's who attacks; ``gang`` are further builders' who join in; ``bystander`` is one of
    somebody who means well.
    """

    port: int
    upstream_port: int
    supervisor_pid: int
    token: str = field(repr=False)
    gang: tuple[str, ...] = field(repr=False)
    bystander: str = field(repr=False)

    @property
    def upstream(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}"


class NotStaged(RuntimeError):
    """The server did not take what an attack needs to begin."""


def left(until: float) -> float:
    """Seconds; never less than a moment, so that a wait always ends by its own time-out."""
    return max(0.001, until - time.monotonic())


def tally(outcomes: Iterable[object]) -> str:
    """``401 ×497, no answer ×3``; what came most often first."""
    counted = Counter(_named(outcome) for outcome in outcomes)
    return ", ".join(f"{name} ×{number:,}" for name, number in counted.most_common())


def _named(outcome: object) -> str:
    return {None: "no answer", wire.GONE: "cut off"}.get(outcome) or str(outcome)  # type: ignore[call-overload]


async def make_service(at: Target, auth_type: str, block: dict[str, Any], **others: Any) -> str:
    """A custom service on our upstream; its link name."""
    link_name = f"s{secrets.token_hex(6)}"
    told = {
        "name": link_name,
        "link_name": link_name,
        "auth_type": auth_type,
        "param_type": "header",
        "base_url": at.upstream,
        auth_type: block,
    }
    await _post(at, "services", told | others, at.token)
    return link_name


async def make_connection(at: Target, service: str, *, token: str = "", **others: Any) -> str:
    """A connection to it, made with ``token`` or the attacker's; its link name."""
    link_name = f"c{secrets.token_hex(6)}"
    told = {"service": service, "name": link_name, "link_name": link_name}
    await _post(at, "connections", told | others, token or at.token)
    return link_name


async def make_keyed(at: Target) -> str:
    """A connection that sends a key, and its service."""
    return await make_connection(at, await make_service(at, "api_key", KEYED), credentials={"X-Key": "a-key"})


async def make_signed(at: Target) -> str:
    """A connection whose requests are signed by OAuth 1, and its service."""
    name = await make_service(at, "oauth1", {"consumer_key": "ours", "consumer_secret": "our-secret"})
    return await make_connection(at, name, credentials={"token": "a", "token_secret": "a-secret"})


async def make_robot(at: Target, token_path: str, *, number: int, token: str = "") -> list[str]:
    """Connections whose access tokens come from that place of our upstream by client credentials."""
    block = {
        "grant_type": "client_credentials",
        "token_url": f"{at.upstream}{token_path}",
        "client_id": "ours",
        "client_secret": "our-secret",
    }
    name = await make_service(at, "oauth2", block)
    return [await make_connection(at, name, token=token) for _ in range(number)]


async def _post(at: Target, collection: str, told: dict[str, Any], token: str) -> None:
    request = wire.with_json("POST", f"/api/v1/{collection}", told, token)
    answer = await wire.ask(at.port, request, timeout_s=SETUP_S)
    if answer.status != 201:
        raise NotStaged(f"POST /{collection}: {answer.status} {answer.body[:500].decode()}")
