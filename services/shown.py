"""A service's ways to authenticate as a page tells of them, from what each type declares."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from services import auth_types, clients
from services.auth_types.base import ParamType
from services.models import Service, ServiceAuth
from services.scopes import grouped


@dataclass(frozen=True, slots=True)
class AuthShown:
    """One way to authenticate. ``facts`` are labels and values of its block; ``scopes`` come in groups."""

    name: str
    label: str
    type_label: str
    place: str
    facts: list[tuple[str, str]]
    scopes: list[tuple[str, list[dict[str, str]]]]
    asked: list[str]
    takes_client: bool
    client_id: str


def auths_shown(service: Service) -> list[AuthShown]:
    """Each of them, in order."""
    return [_shown(auth) for auth in service.auths.all()]


def _shown(auth: ServiceAuth) -> AuthShown:
    auth_type = auth_types.get(auth.auth_type)
    held = clients.default_of(auth)
    return AuthShown(
        name=auth.name,
        label=auth.label or auth_type.label,
        type_label=auth_type.label,
        place=ParamType(auth.param_type).label,
        facts=_facts(auth),
        scopes=_scopes(auth.config.get("scopes", [])),
        asked=[field.label for field in auth_type.fields(auth.config)],
        takes_client=clients.takes_client(auth),
        client_id=held.client_id if held else "",
    )


def _scopes(declared: list[dict[str, str]]) -> list[tuple[str, list[dict[str, str]]]]:
    return grouped(declared, name=itemgetter("name")) if declared else []


def _facts(auth: ServiceAuth) -> list[tuple[str, str]]:
    """The block's plain values that are not the default, in the words of its declaration."""
    facts: list[tuple[str, str]] = []
    for name, declared in auth_types.get(auth.auth_type).Config.model_fields.items():
        value = auth.config.get(name)
        extra = declared.json_schema_extra
        labels: Any = extra.get("labels") if isinstance(extra, dict) else None
        is_rare = isinstance(extra, dict) and bool(extra.get("is_rare"))
        is_default = value == declared.default
        if isinstance(value, str) and value and not (is_rare and is_default):
            facts.append((declared.title or name, str((labels or {}).get(value, value))))
        elif isinstance(value, bool) and not is_default:
            facts.append((declared.title or name, "Yes" if value else "Off"))
        elif isinstance(value, dict) and any(value.values()):
            parts = [f"{key}={part}" for key, part in value.items() if part]
            facts.append((declared.title or name, ", ".join(parts)))
    return facts
