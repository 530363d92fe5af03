"""The contract's connection as JSON, checked: what is wrong is told field by field."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connections.models import Connection
from people.actor import Actor
from problems import NotFound, ValidationFailed
from services import auth_types, definition, link_names, sources, target
from services import operations as services_operations
from services.models import Service, ServiceAuth

LINK_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
RESERVED = frozenset({"new"})  # addresses of our own pages
MAX_NAME = 100
CREDENTIALS_OF = tuple(Connection.CredentialsOf.values)
AUDIENCES = ("private", "everyone")
CREATE = frozenset(
    {
        "service",
        "auth",
        "name",
        "link_name",
        "scopes",
        "variables",
        "credentials_of",
        "audience",
        "credentials",
    }
)
CHANGE = frozenset({"name", "scopes", "variables", "audience", "disabled"})

Errors = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Details:
    """A connection to be. ``credentials`` are as given: they are checked where they are stored."""

    auth: ServiceAuth
    name: str
    link_name: str
    scopes: list[str]
    variables: dict[str, str]
    credentials_of: str
    audience: str
    credentials: Mapping[str, Any] | None


def parse(*, actor: Actor, data: Mapping[str, Any]) -> Details:
    """What a new connection is made of. Raises ValidationFailed with everything that is wrong."""
    errors = unknown_fields(data, CREATE)
    auth = _auth(actor, data, errors)
    name = _name(data.get("name"), errors)
    link_name = _link_name(data.get("link_name") or link_names.suggested(name), errors)
    credentials_of = _choice(data, "credentials_of", CREDENTIALS_OF, "owner", errors)
    is_per_user = credentials_of == Connection.CredentialsOf.LOGIN_USER
    audience = _choice(data, "audience", AUDIENCES, "everyone" if is_per_user else "private", errors)
    given = data.get("credentials")
    if given is not None and not isinstance(given, Mapping):
        errors.append(_error("credentials", "This takes an object: a value for each key."))
    if auth is None:
        raise ValidationFailed(errors)
    if is_per_user and auth_types.get(auth.auth_type).is_automatic(auth.config):
        errors.append(_error("credentials_of", "Client credentials belong to the app: choose `owner`."))
    scopes = checked_scopes(auth, data.get("scopes", []), errors)
    variables = checked_variables(auth, data.get("variables", {}), errors)
    if errors:
        raise ValidationFailed(errors)
    return Details(auth, name, link_name, scopes, variables, credentials_of, audience, given)


def parse_change(*, connection: Connection, data: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values of the fields that a PATCH gives. Raises ValidationFailed."""
    errors = unknown_fields(data, CHANGE)
    checked: dict[str, Any] = {}
    if "name" in data:
        checked["name"] = _name(data["name"], errors)
    if "audience" in data:
        checked["audience"] = _choice(data, "audience", AUDIENCES, "private", errors)
    if "disabled" in data:
        checked["disabled"] = data["disabled"]
        if not isinstance(data["disabled"], bool):
            errors.append(_error("disabled", "This takes true or false."))
    if "scopes" in data:
        checked["scopes"] = checked_scopes(connection.auth, data["scopes"], errors)
    if "variables" in data:
        entered = checked_variables(connection.auth, data["variables"], errors, stored=connection.variables)
        checked["variables"] = _entered_before(connection) | entered
    if errors:
        raise ValidationFailed(errors)
    return checked


def _entered_before(connection: Connection) -> dict[str, str]:
    """What people entered of the variables that the service tells by now: it serves until it is told."""
    later = sources.later_names(connection.auth)
    return {name: value for name, value in connection.variables.items() if name in later}


def unknown_fields(data: Mapping[str, Any], known: Iterable[str]) -> Errors:
    """An error for each field that there is not."""
    return [_error(str(name), "There is no such field.") for name in data if name not in set(known)]


def checked_scopes(auth: ServiceAuth, given: Any, errors: Errors) -> list[str]:
    """Scopes that the service declares, each once; where it declares none, any that could be sent."""
    if not isinstance(given, list) or not all(isinstance(scope, str) for scope in given):
        errors.append(_error("scopes", "This takes a list of scopes."))
        return []
    auth_type = auth_types.get(auth.auth_type)
    declared = auth_type.scope_names(auth.config)
    takes_scopes = auth_type.needs_consent(auth.config) or auth_type.is_automatic(auth.config)
    for scope in given:
        if declared and scope not in declared:
            errors.append(_error("scopes", f"{scope[:100]!r} is not a scope of this service."))
        elif not takes_scopes or not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]{1,300}", scope):
            errors.append(_error("scopes", f"{scope[:100]!r} cannot be asked of this service."))
    return list(dict.fromkeys(given))


def checked_variables(
    auth: ServiceAuth, given: Any, errors: Errors, *, stored: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A value for each of the service's variables that people enter; for those that the service tells, what
    is given counts for nothing. ``stored``: those that the connection has."""
    if not isinstance(given, Mapping):
        errors.append(_error("variables", "This takes an object: a value for each variable."))
        return {}
    service = auth.service
    try:
        hosts = definition.host_variables(service)
        asked, later = sources.asked_of(auth), sources.later_names(auth)
        entered = {name: value for name, value in given.items() if name not in later}
        return target.check_variables(asked, entered, hosts, stored=stored)
    except ValidationFailed as error:
        errors.extend(error.errors)
        return {}


def _auth(actor: Actor, data: Mapping[str, Any], errors: Errors) -> ServiceAuth | None:
    service = _service(actor, data.get("service"), errors)
    if service is None:
        return None
    offered = list(service.auths.all())
    name = data.get("auth")
    if name is None and len(offered) == 1:
        return offered[0]
    for auth in offered:
        if auth.name == name:
            return auth
    errors.append(_error("auth", f"Choose one of {', '.join(auth.name for auth in offered)}."))
    return None


def _service(actor: Actor, link_name: Any, errors: Errors) -> Service | None:
    if not isinstance(link_name, str) or not link_name:
        errors.append(_error("service", "Name the service by its link name."))
        return None
    try:
        service = services_operations.get_service(actor=actor, link_name=link_name)
    except NotFound:
        errors.append(_error("service", "There is no service of that link name."))
        return None
    if service.is_retired or (service.is_hidden and not actor.is_administrator):
        errors.append(_error("service", "This service takes no new connections."))
        return None
    return service


def _name(given: Any, errors: Errors) -> str:
    name = given.strip() if isinstance(given, str) else ""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        errors.append(_error("name", f"Enter a name of 1 to {MAX_NAME} visible characters."))
        return ""
    return name


def _link_name(given: Any, errors: Errors) -> str:
    if not isinstance(given, str) or not LINK_NAME.fullmatch(given):
        errors.append(
            _error("link_name", "Use small letters, digits and _, beginning with a letter, 50 at most.")
        )
        return ""
    if given in RESERVED:
        errors.append(_error("link_name", f"{given} is an address of ours; choose another link name."))
    return given


def _choice(
    data: Mapping[str, Any], field: str, choices: tuple[str, ...], default: str, errors: Errors
) -> str:
    value = data.get(field, default)
    if value not in choices:
        errors.append(_error(field, f"Choose one of {', '.join(choices)}."))
        return default
    return str(value)


def _error(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}
