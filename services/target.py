"""A service and one of its authentication types, with a connection's variables filled in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from problems import ValidationFailed
from services import auth_types, patterns
from services.auth_types.base import AuthType, ParamType
from services.auth_types.text import has_controls
from services.errors import VariableMissing
from services.models import ServiceAuth

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,49})\}")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOST_NAME = re.compile(rf"{DNS_LABEL.pattern}(\.{DNS_LABEL.pattern})*")
_AUTHORITY = re.compile(r"[a-z]+://[^/?#]*|\{public_url\}")
MAX_VALUE = 100  # characters that are kept
MAX_GIVEN = 1000  # characters of which a pattern's group may keep some: of an address that was pasted, say
_NOT_VISIBLE = f"This takes at most {MAX_VALUE} characters, all visible, and not dots alone."
PUBLIC_URL = "public_url"  # a variable that built-in services have without declaring it
PASS = "pass"  # of a service's ``cookies``: the caller's are handed on
_OF_SERVICE = (
    *("base_url", "hosts", "headers", "query", "default_headers", "default_query", "cookies"),
    *("test", "identity", "is_builtin"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is called. ``base_url`` may still hold the ``{key}`` of an API key that travels in the path.

    ``headers`` and ``query`` go out on every call, the ``default_`` ones where the caller has none of a name.
    """

    base_url: str
    hosts: tuple[str, ...]
    headers: dict[str, str]
    query: dict[str, str]
    default_headers: dict[str, str]
    default_query: dict[str, str]
    passes_cookies: bool
    config: dict[str, Any]
    param_type: ParamType
    auth_type: AuthType
    is_builtin: bool
    test: dict[str, Any]
    identity: dict[str, Any]


def fill(
    *,
    service: Mapping[str, Any],
    auth: Mapping[str, Any],
    variables: Mapping[str, str],
    later: frozenset[str] = frozenset(),
) -> Target:
    """The target from plain values: a row's, or a SELECT's. Raises VariableMissing.

    ``later``: names that may have no value yet; where they have none, their braces stay.
    """
    auth_type = auth_types.get(auth["auth_type"])
    param_type = ParamType(auth["param_type"])
    ours = {PUBLIC_URL: settings.PUBLIC_URL} if service["is_builtin"] else {}
    filler = _Filler({**variables, **ours}, later)
    keys = path_keys(auth_type, param_type, auth["config"])
    return Target(
        base_url=filler.url(service["base_url"], kept=keys),
        hosts=_filled_hosts(tuple(service["hosts"]), tuple(filler.values.items()), later),
        headers=filler.pairs(service["headers"]),
        query=filler.pairs(service["query"]),
        default_headers=filler.pairs(service["default_headers"]),
        default_query=filler.pairs(service["default_query"]),
        passes_cookies=service["cookies"] == PASS,
        config=_filled_config(auth_type, auth["config"], filler),
        param_type=param_type,
        auth_type=auth_type,
        is_builtin=service["is_builtin"],
        test=filler.request(service["test"]),
        identity=filler.request(service["identity"]),
    )


def of(auth: ServiceAuth, variables: Mapping[str, str], later: frozenset[str] = frozenset()) -> Target:
    """The same from model rows."""
    return fill(
        service={name: getattr(auth.service, name) for name in _OF_SERVICE},
        auth={"auth_type": auth.auth_type, "param_type": auth.param_type, "config": auth.config},
        variables=variables,
        later=later,
    )


def check_variables(
    service_variables: Sequence[Mapping[str, Any]],
    given: Mapping[str, Any],
    host_names: frozenset[str] = frozenset(),
    *,
    stored: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The values that a connection gives for a service's variables. Raises ValidationFailed.

    ``host_names`` are the variables that stand in a host (``definition.host_variables``). ``stored`` are the
    connection's own so far: what a pattern's group kept need not match the pattern again.
    """
    declared = {variable["name"]: variable for variable in service_variables}
    known = frozenset().union(*(names_of(variable) for variable in service_variables))
    errors = [
        {"field": f"variables.{name}", "message": "This service has no such variable."}
        for name in given
        if name not in known
    ]
    values: dict[str, str] = {}
    for name, variable in declared.items():
        value = given.get(name, "")
        problem = _given_problem(variable, value)
        kept = "" if problem else _kept(variable, value.strip(), (stored or {}).get(name))
        problem = problem or _kept_problem(variable, kept, is_host=name in host_names)
        if problem:
            errors.append({"field": f"variables.{name}", "message": problem})
        else:
            values |= values_of(variable, kept)
    if errors:
        raise ValidationFailed(errors)
    return values


def read_value(variable: Mapping[str, Any], text: str, *, is_host: bool) -> str:
    """What is kept of a value that a service told: what its pattern keeps, where that is a choice or else fit
    for its place. Raises ValueError."""
    choices = variable.get("choices") or []
    is_text = len(text) <= MAX_GIVEN and not has_controls(text)
    kept = _kept({**variable, "choices": []}, text, None) if is_text else ""
    kept = kept.lower() if is_host else kept
    is_fit = DNS_LABEL.fullmatch(kept) if is_host else kept not in {"", ".", ".."}
    if not (kept in choices if choices else is_fit):
        raise ValueError("not of the form that it takes")
    return kept


def path_keys(auth_type: AuthType, param_type: ParamType, config: Mapping[str, Any]) -> frozenset[str]:
    """The API keys that stand in the base URL's path."""
    if param_type is not ParamType.PATH:
        return frozenset()
    return frozenset(field.key for field in auth_type.fields(config))


def names_of(variable: Mapping[str, Any]) -> frozenset[str]:
    """The placeholders that a variable fills: its own, and those that follow its choice."""
    return frozenset({variable["name"], *variable.get("follow", {})})


def values_of(variable: Mapping[str, Any], value: str) -> dict[str, str]:
    """What a variable's value fills in."""
    follow = variable.get("follow", {})
    return {variable["name"]: value} | {
        name: table[value] for name, table in follow.items() if value in table
    }


def placeholders(text: str) -> frozenset[str]:
    """The names between braces."""
    return frozenset(PLACEHOLDER.findall(text))


def _given_problem(variable: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str):
        return "This takes text."
    if not value.strip():
        return f"Enter the {variable.get('label') or variable['name']}."
    return _NOT_VISIBLE if len(value) > MAX_GIVEN or has_controls(value.strip()) else ""


def _kept(variable: Mapping[str, Any], value: str, stored: str | None) -> str:
    """What of a value is kept; empty where it is not of the variable's form."""
    pattern = variable.get("pattern")
    if variable.get("choices") or not pattern:
        return value
    if patterns.problem(pattern):
        return ""
    return patterns.kept(pattern, value) or (value if value == stored and patterns.has_group(pattern) else "")


def _kept_problem(variable: Mapping[str, Any], value: str, *, is_host: bool) -> str:
    choices = variable.get("choices") or []
    if choices:
        return "" if value in choices else f"Choose one of: {', '.join(choices)}."
    if not value and patterns.problem(variable["pattern"]):  # stored when patterns were Python's
        return "The service’s pattern for this cannot be used: have its builder correct it."
    if not value:
        example = variable.get("example")
        return f"This is not of the expected form{f', such as {example}' if example else ''}."
    if len(value) > MAX_VALUE or value in {".", ".."}:
        return _NOT_VISIBLE
    if is_host and not DNS_LABEL.fullmatch(value):
        return "It stands in a host, so it is one part of a name: small letters, digits and hyphens."
    return ""


def _filled_config(auth_type: AuthType, config: Mapping[str, Any], filler: "_Filler") -> dict[str, Any]:
    """A block with its addresses filled in, and the parameters that go out with them."""
    filled = dict(config)
    for name in (*auth_type.urls(config), *auth_type.filled_fields):
        if config.get(name):
            filled[name] = filler.url(config[name])
    for name in auth_type.filled_maps:
        filled[name] = filler.pairs(config[name])
    return filled


@dataclass(frozen=True, slots=True)
class _Filler:
    """Puts values in the place of ``{name}``. Raises VariableMissing for a name that is not of ``later``."""

    values: Mapping[str, str]
    later: frozenset[str]

    def text(self, text: str) -> str:
        return PLACEHOLDER.sub(self._plain, text) if "{" in text else text

    def pairs(self, pairs: Mapping[str, str]) -> dict[str, str]:
        return {name: self.text(value) for name, value in pairs.items()}

    def host(self, pattern: str) -> str:
        return PLACEHOLDER.sub(self._in_host, pattern) if "{" in pattern else pattern

    def url(self, url: str, kept: frozenset[str] = frozenset()) -> str:
        """What stands in its host must be fit for a host, what stands elsewhere is percent-encoded."""
        if "{" not in url:
            return url
        authority = _AUTHORITY.match(url)
        authority_end = authority.end() if authority else 0

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name in kept or self._is_open(name):
                return match[0]
            if name == PUBLIC_URL and match.start() == 0:
                return self._value(name)
            return self._in_host(match) if match.start() < authority_end else quote(self._value(name), "")

        return PLACEHOLDER.sub(value_of, url)

    def request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {**request, "path": self.url(request["path"])} if "path" in request else dict(request)

    def _plain(self, match: re.Match[str]) -> str:
        return match[0] if self._is_open(match[1]) else self._value(match[1])

    def _in_host(self, match: re.Match[str]) -> str:
        name = match[1]
        if self._is_open(name):
            return match[0]
        value = self._value(name)
        if name == PUBLIC_URL:
            return urlsplit(value).netloc
        if not HOST_NAME.fullmatch(value):
            raise VariableMissing(f"The value for {name} cannot stand in a host.")
        return value

    def _is_open(self, name: str) -> bool:
        return name in self.later and name not in self.values

    def _value(self, name: str) -> str:
        if name not in self.values:
            raise VariableMissing(f"This connection has no value for {name}.")
        return self.values[name]


@lru_cache(maxsize=1024)
def _filled_hosts(
    patterns: tuple[str, ...], pairs: tuple[tuple[str, str], ...], later: frozenset[str]
) -> tuple[str, ...]:
    """The allowed hosts, of which some services have dozens; every call asks for them."""
    filler = _Filler(dict(pairs), later)
    return tuple(filler.host(pattern) for pattern in patterns)
