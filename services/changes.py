"""What a change to a service amounts to: new words only, further places for credentials to go, or others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from problems import ValidationFailed
from services import auth_types, definition
from services.auth_types.base import ParamType
from services.definition import BLOCKS, AuthDefinition, Definition
from services.models import Service, ServiceAuth
from services.rows import FIELDS

Variables = Sequence[Mapping[str, Any]]

_WORDS = frozenset({"label", "pattern", "example", "hint", "callback"})  # of a variable: they fill nothing in
_MAY_GROW = frozenset({"choices", "follow"})


@dataclass(frozen=True, slots=True)
class Change:
    """``fields``: what differs. ``retargets``: those that move where credentials go. ``added_hosts``, and
    ``added_values`` by what they fill in: where credentials may go besides. ``fixed``: fields that a service
    in use keeps."""

    defined: Definition
    fields: tuple[str, ...]
    retargets: tuple[str, ...]
    added_hosts: tuple[str, ...]
    added_values: Mapping[str, tuple[str, ...]]
    fixed: tuple[str, ...]

    @property
    def is_retargeted(self) -> bool:
        """Does a place go, or another take its place? Then live grants must go."""
        return bool(self.retargets)

    @property
    def is_widened(self) -> bool:
        """Are there further places, while each that was there stays? Then live grants may stay."""
        return not self.retargets and bool(self.added_hosts or self.added_values)

    @property
    def moves_credentials(self) -> bool:
        """Would credentials go anywhere new?"""
        return self.is_retargeted or self.is_widened

    @property
    def additions(self) -> list[str]:
        """The further hosts, and the further values as ``{name}: value``."""
        values = [f"{{{name}}}: {value}" for name, added in self.added_values.items() for value in added]
        return [*self.added_hosts, *values]

    def require_nothing_fixed(self) -> None:
        """Raises ValidationFailed where something changes that connections rely on."""
        if self.fixed:
            message = "Connections use this service, so this stays as it is. Make another service instead."
            raise ValidationFailed([{"field": field, "message": message} for field in self.fixed])


def merged(service: Service, data: Mapping[str, Any]) -> dict[str, Any]:
    """The stored definition with a PATCH laid over it: a block's fields one by one, anything else whole."""
    if data.get("link_name", service.link_name) != service.link_name:
        raise ValidationFailed.of("link_name", "A link name never changes: scripts call it.")
    given = {key: value for key, value in data.items() if key != "confirm"}
    stored = definition.describe(service)
    if ("auth" in given) != ("auth" in stored) and ("auth" in given or _names_a_type(given)):
        stored = {key: value for key, value in stored.items() if not _names_a_type({key: value})}
    elif given.get("auth_type", stored.get("auth_type")) != stored.get("auth_type"):
        stored = {key: value for key, value in stored.items() if key not in BLOCKS}
    for key in BLOCKS:
        if isinstance(given.get(key), dict) and isinstance(stored.get(key), dict):
            given[key] = {**stored[key], **given[key]}
    return stored | given


def compare(service: Service, defined: Definition) -> Change:
    """What differs between the stored service and the new definition."""
    fields = [name for name in FIELDS if getattr(service, name) != getattr(defined, name)]
    retargets = ["base_url"] if service.base_url != defined.base_url else []
    if not set(service.hosts) <= set(defined.hosts):
        retargets.append("hosts")
    if not _keep_meaning(service.variables, defined.variables):
        retargets.append("variables")
    fixed: list[str] = []
    stored = {auth.name: auth for auth in service.auths.all()}
    for auth in defined.auths:
        before = stored.pop(auth.name, None)
        if before is None:
            fields.append("auth")
        else:
            _compare_auth(before, auth, fields, retargets, fixed)
    if stored:
        fields.append("auth")
        fixed.append("auth" if len(defined.auths) > 1 else "auth_type")
    return Change(
        defined,
        _once(fields),
        _once(retargets),
        added_hosts=tuple(host for host in defined.hosts if host not in service.hosts),
        added_values=_added_values(service.variables, defined.variables),
        fixed=_once(fixed),
    )


def _keep_meaning(before: Variables, after: Variables) -> bool:
    """Does every value that connections have fill in what it did? A variable more has none yet."""
    later = {variable["name"]: variable for variable in after}
    return len(before) == len(after) and all(
        variable["name"] in later and _keeps_meaning(variable, later[variable["name"]]) for variable in before
    )


def _keeps_meaning(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    plain = {*before, *after} - _WORDS - _MAY_GROW
    if before.get("from"):
        plain |= {"pattern"}  # it says what is kept of what the service tells
    if any((before.get(key) or None) != (after.get(key) or None) for key in plain):
        return False
    choices, later = before.get("choices") or [], after.get("choices") or []
    if bool(choices) != bool(later) or not set(choices) <= set(later):
        return False
    return all(
        after.get("follow", {}).get(name, {}).get(choice) == value
        for name, table in before.get("follow", {}).items()
        for choice, value in table.items()
    )


def _added_values(before: Variables, after: Variables) -> dict[str, tuple[str, ...]]:
    known = _ranges(before)
    added = {
        name: _once([value for value in values if value not in known.get(name, ())])
        for name, values in _ranges(after).items()
    }
    return {name: values for name, values in added.items() if values}


def _ranges(variables: Variables) -> dict[str, list[str]]:
    """What each placeholder can be, where that is a choice."""
    found: dict[str, list[str]] = {}
    for variable in variables:
        found[variable["name"]] = list(variable.get("choices") or [])
        found |= {name: list(table.values()) for name, table in variable.get("follow", {}).items()}
    return found


def _compare_auth(
    before: ServiceAuth, after: AuthDefinition, fields: list[str], retargets: list[str], fixed: list[str]
) -> None:
    auth_type = after.auth_type
    if before.auth_type != auth_type.name:
        for told in (fields, retargets, fixed):
            told.append(f"{after.field}auth_type")
        return
    place = ParamType(before.param_type)
    if before.label != after.label:
        fields.append(f"{after.field}label")
    if place is not after.param_type:
        fields.append(f"{after.field}param_type")
        retargets.append(f"{after.field}param_type")
    changed = [
        key
        for key in sorted({*before.config, *after.config})
        if before.config.get(key) != after.config.get(key)
    ]
    fields += [f"{after.block}.{key}" for key in changed]
    ends = {
        key for key in changed if key in {**auth_type.urls(before.config), **auth_type.urls(after.config)}
    }
    retargets += [f"{after.block}.{key}" for key in sorted(ends)]
    if auth_type.reserved(before.config, place) != auth_type.reserved(after.config, place):
        retargets.append(after.block)
    keys_before = [field.key for field in auth_types.get(before.auth_type).fields(before.config)]
    if keys_before != [field.key for field in auth_type.fields(after.config)]:
        fixed.append(after.block)


def _names_a_type(data: Mapping[str, Any]) -> bool:
    return bool({"auth", "auth_type", "param_type", *BLOCKS} & data.keys())


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
