"""Variables that a service tells when somebody authorises: what may tell them, and where they may stand."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.auth_types.base import TOKEN
from services.definition.authentication import AuthDefinition, Errors
from services.sources import place_of, source_of
from services.target import names_of, placeholders

# What a round trip keeps to itself; variables are shown, and go out in addresses.
_SECRET = re.compile(r"token|secret|password|assertion|verifier|\bcode$|\bstate$", re.IGNORECASE)


def check_sources(service: Mapping[str, Any], auths: list[AuthDefinition], errors: Errors) -> None:
    """What is wrong goes to ``errors``."""
    for index, variable in enumerate(service["variables"] if auths else ()):
        if not source_of(variable):
            continue
        tellers = [auth for auth in auths if source_of(variable) in auth.auth_type.sources(auth.config)]
        problem = _source_problem(variable) if tellers else "Nobody authorises here in a way that tells it."
        if problem:
            errors.append({"field": f"variables.{index}.from", "message": problem})
        for auth in tellers:
            errors += _too_early(variable, auth)


def _source_problem(variable: Mapping[str, Any]) -> str:
    if _SECRET.search(place_of(variable).rpartition(".")[2]):
        return "This may be a secret, and variables are none."
    return ""


def _too_early(variable: Mapping[str, Any], auth: AuthDefinition) -> Iterator[dict[str, str]]:
    """Where it stands, and is needed before it is told."""
    auth_type = auth.auth_type
    early = auth_type.before_token if source_of(variable) == TOKEN else auth_type.before_consent
    for name in sorted(early):
        for field, text in _texts(name, auth.config.get(name)):
            if placeholders(text) & names_of(variable):
                message = f"{{{variable['name']}}} is told later, so that it cannot stand here."
                yield {"field": f"{auth.block}.{field}", "message": message}


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        yield from ((f"{name}.{key}", text) for key, text in value.items())
