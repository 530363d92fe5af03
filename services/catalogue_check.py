"""The catalogue as a whole: what is in it, and whether the services still answer where it says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outbound import guard, session
from problems import AppError
from services import rows, target
from services.definition import AuthDefinition
from services.loader import Entry

ANSWER_WITHIN_S = 10
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where people authorise, or, for an app alone, where tokens are fetched."""

    link_name: str
    url: str


def table(entries: Mapping[str, Entry]) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Titles, and what is counted under each."""
    whole = list(entries.values())
    yield "Authentication", _counted(auth.auth_type.label for entry in whole for auth in entry.defined.auths)
    yield "Category", _counted(str(entry.row["category"]) or "none" for entry in whole)
    yield "Verified", _counted(_level(entry) for entry in whole)
    yield "Icon", _counted("drawn" if entry.row["icon"] else "letters" for entry in whole)


def _counted(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(values).items())


def _level(entry: Entry) -> str:
    return str(entry.row["meta"].get("verified", {}).get("level", "not said"))


def endpoints(entries: Mapping[str, Entry]) -> list[Endpoint]:
    """One for each way by OAuth to a service of others, variables filled in with their examples: the issuer's
    discovery document (OpenID Connect Discovery 4), or else the authorize or token URL."""
    found: list[Endpoint] = []
    for link_name, entry in entries.items():
        for auth in () if entry.is_builtin else entry.defined.auths:
            config = _config_of(entry, auth)
            urls = auth.auth_type.urls(config)
            issuer = config.get("issuer", "").rstrip("/")
            url = f"{issuer}{DISCOVERY}" if issuer else urls.get("authorize_url") or urls.get("token_url")
            if url:
                found.append(Endpoint(link_name, url))
    return found


def _config_of(entry: Entry, auth: AuthDefinition) -> dict[str, Any]:
    defined = entry.defined
    values: dict[str, str] = {}
    for variable in defined.variables:
        values |= target.values_of(variable, target.read_value(variable, variable["example"], is_host=False))
    filled = target.fill(
        service={**{name: getattr(defined, name) for name in rows.FIELDS}, "is_builtin": False},
        auth={"auth_type": auth.auth_type.name, "param_type": auth.param_type.value, "config": auth.config},
        variables=values,
    )
    return filled.config


def failure(endpoint: Endpoint) -> str:
    """Why it does not answer, in a few words; empty where it does, whatever it says to a stranger."""
    try:
        reply = session.send(
            "GET", endpoint.url, hosts=[guard.host_of(endpoint.url)], deadline_s=ANSWER_WITHIN_S
        )
    except AppError as error:
        return error.message
    return f"It answers {reply.status}." if reply.status in {404, 410} or reply.status >= 500 else ""
