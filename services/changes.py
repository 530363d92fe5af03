"""What a change to a service amounts to: new words only, or somewhere else for credentials to go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from problems import ValidationFailed
from services import auth_types, definition
from services.auth_types.base import ParamType
from services.definition import BLOCKS, AuthDefinition, Definition
from services.models import Service, ServiceAuth
from services.rows import FIELDS

_TARGETS = frozenset({"base_url", "hosts"})
_VALUES = ("name", "choices", "follow")  # of a variable: what fills addresses; the rest is words around it


@dataclass(frozen=True, slots=True)
class Change:
    """``fields``: what differs. ``retargets``: those that move where credentials go. ``fixed``: those that
    a service in use keeps."""

    defined: Definition
    fields: tuple[str, ...]
    retargets: tuple[str, ...]
    fixed: tuple[str, ...]

    @property
    def is_retargeted(self) -> bool:
        """Do hosts, endpoints or the credential's place change? Then live grants must go."""
        return bool(self.retargets)

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
    retargets = [name for name in fields if name in _TARGETS]
    if _values(service.variables) != _values(defined.variables):
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
    return Change(defined, _once(fields), _once(retargets), _once(fixed))


def _values(variables: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[variable.get(key) or None for key in _VALUES] for variable in variables]


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
