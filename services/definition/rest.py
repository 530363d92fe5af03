"""The checks that look at several parts of a definition at once."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from services import patterns
from services.auth_types.base import Reserved
from services.auth_types.text import header_name_problem
from services.definition.addresses import Addresses
from services.definition.authentication import AuthDefinition, Errors
from services.target import PASS, PUBLIC_URL, names_of

_OWN_HEADERS = frozenset({"authorization", "cookie", "content-type"})


def check_rest(service: Mapping[str, Any], auths: list[AuthDefinition], *, errors: Errors) -> None:
    """Everything beyond shape and addresses; what is wrong goes to ``errors``."""
    _check_variables(service["variables"], errors)
    _check_base_url(service["base_url"], errors)
    _check_every_call(service, auths, errors)
    for auth in auths:
        problems = auth.auth_type.config_problems(auth.config, auth.param_type, service["base_url"])
        errors += [{"field": f"{auth.block}.{name}", "message": text} for name, text in problems.items()]


def _check_variables(variables: list[dict[str, Any]], errors: Errors) -> None:
    names = [name for variable in variables for name in names_of(variable)]
    for index, variable in enumerate(variables):
        field = f"variables.{index}"
        if any(names.count(name) > 1 for name in names_of(variable)):
            errors.append({"field": f"{field}.name", "message": "Two variables have this name."})
        if PUBLIC_URL in names_of(variable):
            errors.append({"field": f"{field}.name", "message": "This name is Switchboard’s own."})
        if any(set(table) != set(variable["choices"]) for table in variable["follow"].values()):
            message = "What follows needs one value for each choice, and no other."
            errors.append({"field": f"{field}.follow", "message": message})
        if any(
            not set(table.values()) <= set(variable["choices"]) for table in variable["callback"].values()
        ):
            message = "What the callback names is one of the choices."
            errors.append({"field": f"{field}.callback", "message": message})
        if len(set(variable["choices"])) < len(variable["choices"]):
            errors.append({"field": f"{field}.choices", "message": "A choice is there twice."})
        problem = patterns.problem(variable["pattern"])
        if problem:
            errors.append({"field": f"{field}.pattern", "message": problem})


def _check_base_url(base_url: str, errors: Errors) -> None:
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return  # the address check has said so
    if parts.query:
        message = "Leave the query out: what goes out on every call has a field of its own."
        errors.append({"field": "base_url", "message": message})


def _check_every_call(service: Mapping[str, Any], auths: list[AuthDefinition], errors: Errors) -> None:
    """The headers and the query that go out on every call, or where the caller has none of the name."""
    known = Addresses(service["variables"], is_builtin=True)
    reserved = [auth.auth_type.reserved(auth.config, auth.param_type) for auth in auths]
    for field in ("headers", "default_headers"):
        errors += _header_errors(service, field, reserved, known)
    for field in ("query", "default_query"):
        errors += _query_errors(service, field, reserved, known)
    if service["cookies"] == PASS and any("cookie" in each.headers for each in reserved):
        message = "The credential travels as a cookie here, so that the caller’s cannot."
        errors.append({"field": "cookies", "message": message})


def _header_errors(
    service: Mapping[str, Any], field: str, reserved: list[Reserved], known: Addresses
) -> Iterator[dict[str, str]]:
    lowered = [name.lower() for name in (*service["headers"], *service["default_headers"])]
    for name, value in service[field].items():
        problem = _header_problem(name, value, reserved) or known.unknown_problem(value)
        if lowered.count(name.lower()) > 1:
            problem = "This header is there twice."
        if problem:
            yield {"field": f"{field}.{name}", "message": problem}


def _query_errors(
    service: Mapping[str, Any], field: str, reserved: list[Reserved], known: Addresses
) -> Iterator[dict[str, str]]:
    for name, value in service[field].items():
        problem = known.unknown_problem(value)
        if any(name in each.query for each in reserved):
            problem = "This key carries the credential, which is added by itself."
        if name in service["query"] and name in service["default_query"]:
            problem = "This key is there twice."
        if problem:
            yield {"field": f"{field}.{name}", "message": problem}


def _header_problem(name: str, value: str, reserved: list[Reserved]) -> str:
    if name.lower() in _OWN_HEADERS or any(name.lower() in each.headers for each in reserved):
        return f"{name} belongs to the credential or to the caller; leave it out."
    if not value.isascii():
        return "A header’s value is plain ASCII."
    return header_name_problem(name)
