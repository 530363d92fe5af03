"""The contract's custom service, checked: what goes in is JSON, what comes out can be stored and called.

Every wrong field is named by its dotted path (``oauth2.token_url``, ``auth.1.api_key.params.0.key``)
with a sentence that says what to do.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from outbound import guard
from problems import ValidationFailed
from services import auth_types
from services.definition import words
from services.definition.addresses import Addresses, host_names
from services.definition.authentication import (
    BLOCKS,
    CLIENT_VALUES,
    AuthDefinition,
    Errors,
    client_of,
    keys_of,
)
from services.definition.authentication import read as _read_auths
from services.definition.rest import check_rest
from services.definition.shape import LINK_NAME, ServiceShape
from services.definition.sources import check_sources
from services.definition.text import control_errors
from services.models import Service, ServiceAuth
from services.target import PUBLIC_URL, path_keys

__all__ = [
    "BLOCKS",
    "CLIENT_VALUES",
    "LINK_NAME",
    "AuthDefinition",
    "Definition",
    "Errors",
    "client_of",
    "describe",
    "host_variables",
    "host_variables_of",
    "keys_of",
    "parse",
]

_STAND_INS = {"name": "x", "link_name": "x", "base_url": "https://example.com"}
_AUTH_KEYS = frozenset({"auth", "auth_type", "param_type", *BLOCKS})


@dataclass(frozen=True, slots=True)
class Definition:
    """A service and its ways to authenticate, ready to be stored."""

    name: str
    link_name: str
    base_url: str
    hosts: list[str]
    headers: dict[str, str]
    query: dict[str, str]
    default_headers: dict[str, str]
    default_query: dict[str, str]
    cookies: str
    variables: list[dict[str, Any]]
    test: dict[str, Any]
    identity: dict[str, Any]
    auths: tuple[AuthDefinition, ...]


def parse(data: Any, *, is_builtin: bool = False) -> Definition:
    """The definition, with its defaults. Raises ValidationFailed with an entry for each wrong field.

    ``is_builtin``: ``{public_url}`` may be called.
    """
    if not isinstance(data, dict):
        raise ValidationFailed.of("", "This takes an object.")
    errors: Errors = control_errors(data)
    if errors:
        raise ValidationFailed(errors)
    shape = _shape_of({key: value for key, value in data.items() if key not in _AUTH_KEYS}, errors)
    auths = _read_auths(data, errors)
    if any(error["field"].startswith("variables") for error in errors):
        raise ValidationFailed(errors)  # what addresses may say is not known
    service = shape.model_dump(mode="json", by_alias=True)
    _check_addresses(service, auths, Addresses(service["variables"], is_builtin), errors)
    check_rest(service, auths, errors=errors)
    check_sources(service, auths, errors)
    if errors:
        raise ValidationFailed(_once_a_field(errors))
    service |= {"test": service["test"] or {}, "identity": service["identity"] or {}}
    return Definition(**service, auths=tuple(auths))


def describe(service: Service) -> dict[str, Any]:
    """The contract's JSON of a stored service: what ``parse`` takes, less the clients' values."""
    flat = {
        "name": service.name,
        "link_name": service.link_name,
        "base_url": service.base_url,
        "hosts": service.hosts,
        "headers": service.headers,
        "query": service.query,
        "default_headers": service.default_headers,
        "default_query": service.default_query,
        "cookies": service.cookies,
        "variables": service.variables,
        "test": service.test,
        "identity": service.identity,
    }
    auths = [
        {"auth_type": auth.auth_type, "param_type": auth.param_type, auth.auth_type: auth.config}
        for auth in service.auths.all()
    ]
    if len(auths) == 1:
        return flat | auths[0]
    named = [
        {"name": auth.name, "label": auth.label, **block}
        for auth, block in zip(service.auths.all(), auths, strict=True)
    ]
    return flat | {"auth": named}


def host_variables(service: Service) -> frozenset[str]:
    """The variables that stand in a host: of the base URL, the allowed hosts or an endpoint."""
    return frozenset().union(*(host_variables_of(auth, service) for auth in service.auths.all()))


def host_variables_of(auth: ServiceAuth, service: Service) -> frozenset[str]:
    """The same for one way to authenticate; nothing is read from the database."""
    texts = [service.base_url, *service.hosts, *auth_types.get(auth.auth_type).urls(auth.config).values()]
    return frozenset().union(*(host_names(text) for text in texts)) - {PUBLIC_URL}


def _shape_of(own: dict[str, Any], errors: Errors) -> ServiceShape:
    """What is wrong is left out, or stood in for, so that all the rest is looked at, too."""
    cleaned = {
        key: None if key in {"test", "identity"} and value == {} else value for key, value in own.items()
    }
    try:
        return ServiceShape.model_validate(cleaned)
    except ValidationError as error:
        found = words.sentences(error)
    errors += found
    wrong = {each["field"].partition(".")[0] for each in found}
    right = {key: value for key, value in cleaned.items() if key not in wrong}
    return ServiceShape.model_validate(right | {key: _STAND_INS[key] for key in wrong & _STAND_INS.keys()})


def _check_addresses(
    service: dict[str, Any], auths: list[AuthDefinition], addresses: Addresses, errors: Errors
) -> None:
    keys = [path_keys(auth.auth_type, auth.param_type, auth.config) for auth in auths]
    kept = frozenset.intersection(*keys) if keys else frozenset()
    problem = "" if _is_wrong("base_url", errors) else addresses.url_problem(service["base_url"], kept)
    if problem:
        errors.append({"field": "base_url", "message": problem})
    for auth in auths:
        _check_endpoints(auth, addresses, errors)
    if _has_checked_hosts(service, addresses, errors) and not _is_wrong("base_url", errors):
        _check_cover(service, addresses, errors)


def _check_endpoints(auth: AuthDefinition, addresses: Addresses, errors: Errors) -> None:
    problems = {name: addresses.url_problem(url) for name, url in auth.auth_type.urls(auth.config).items()}
    for name in auth.auth_type.filled_fields:
        problems[name] = addresses.placeholder_problem(auth.config[name])
    for name in auth.auth_type.filled_maps:
        for key, text in auth.config[name].items():
            problems[f"{name}.{key}"] = addresses.unknown_problem(text)
    errors += [{"field": f"{auth.block}.{name}", "message": text} for name, text in problems.items() if text]


def _has_checked_hosts(service: dict[str, Any], addresses: Addresses, errors: Errors) -> bool:
    """Check the allowed hosts, or take the base URL's where that is right; are they fit to be compared?"""
    if not service["hosts"]:
        if _is_wrong("base_url", errors):
            return False
        service["hosts"] = [_own_host(service["base_url"])]
    bad = [_host_error(index, pattern, addresses) for index, pattern in enumerate(service["hosts"])]
    errors += [error for error in bad if error]
    if any(bad):
        return False
    service["hosts"] = addresses.spelt(service["hosts"])
    return True


def _check_cover(service: dict[str, Any], addresses: Addresses, errors: Errors) -> None:
    hosts = service["hosts"]
    if not addresses.is_covered(service["base_url"], hosts):
        message = f"Add {guard.host_of(service['base_url'])}: the base URL’s host is always among them."
        errors.append({"field": "hosts", "message": message})
    for name in ("test", "identity"):
        path = (service[name] or {}).get("path", "/")
        if path.startswith("/"):
            problem = addresses.placeholder_problem(path)
        else:
            problem = addresses.url_problem(path)
            if not problem and not addresses.is_covered(path, hosts):
                problem = "Its host is not among those that may be called."
        if problem:
            errors.append({"field": f"{name}.path", "message": problem})


def _is_wrong(field: str, errors: Errors) -> bool:
    return any(error["field"] == field for error in errors)


def _own_host(base_url: str) -> str:
    return f"{{{PUBLIC_URL}}}" if base_url.startswith(f"{{{PUBLIC_URL}}}") else guard.host_of(base_url)


def _host_error(index: int, pattern: str, addresses: Addresses) -> dict[str, str] | None:
    problem = addresses.host_problem(pattern)
    return {"field": f"hosts.{index}", "message": problem} if problem else None


def _once_a_field(errors: Errors) -> Errors:
    """The first sentence for each field."""
    return list({error["field"]: error for error in reversed(errors)}.values())[::-1]
