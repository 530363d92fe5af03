"""The authentication types in a definition: the flat keys of one, or the ``auth`` list of several."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from services import auth_types
from services.auth_types.base import AuthType, ClientKeys, ParamType
from services.auth_types.text import has_controls
from services.definition import words
from services.definition.shape import LINK_NAME_PATTERN
from vault.secret import Secret

CLIENT_VALUES = ("client_id", "client_secret", "private_key")
BLOCKS = tuple(auth_type.name for auth_type in auth_types.ALL)
FLAT_KEYS = ("auth_type", "param_type", *BLOCKS)
_LIST_KEYS = ("name", "label", *FLAT_KEYS)
MOST = 10
LONGEST = {"client_id": 500, "client_secret": 8192, "private_key": 16384}

Errors = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class AuthDefinition:
    """One way to authenticate, checked, with its defaults filled in. ``field`` names it in errors."""

    name: str
    label: str
    auth_type: AuthType
    param_type: ParamType
    config: dict[str, Any]
    client: ClientKeys | None = field(default=None, repr=False)
    field: str = ""

    @property
    def block(self) -> str:
        """The dotted name of its block."""
        return f"{self.field}{self.auth_type.name}"


def read(data: Mapping[str, Any], errors: Errors) -> list[AuthDefinition]:
    """The authentication types that the definition offers; what is wrong with them goes to ``errors``."""
    if "auth" not in data:
        only = _read_one({key: data[key] for key in FLAT_KEYS if key in data}, "", errors)
        return [only] if only else []
    errors += [
        {"field": key, "message": "With `auth`, each entry holds its own."}
        for key in FLAT_KEYS
        if key in data
    ]
    entries = data["auth"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        errors.append({"field": "auth", "message": f"This takes a list of 1 to {MOST} entries."})
        return []
    found = [_read_one(entry, f"auth.{index}.", errors) for index, entry in enumerate(entries)]
    auths = [auth for auth in found if auth]
    for auth in auths:
        if [other.name for other in auths].count(auth.name) > 1:
            errors.append({"field": f"{auth.field}name", "message": "Give each way its own name."})
    return auths


def client_of(
    auth_type: AuthType, config: Mapping[str, Any], given: Mapping[str, Any], prefix: str, errors: Errors
) -> ClientKeys | None:
    """The app's keys among a block's values. ``given`` is by the block's own names."""
    names = dict(zip(CLIENT_VALUES, auth_type.client_fields, strict=False))
    values = {key: "" if given.get(name) is None else given[name] for key, name in names.items()}
    problems = {key: _client_text_problem(key, value) for key, value in values.items()}
    if not any(problems.values()) and any(values.values()):
        problems = _client_problems(auth_type, config, values)
    bad = {key: problem for key, problem in problems.items() if problem}
    errors += [{"field": f"{prefix}{names[key]}", "message": problem} for key, problem in bad.items()]
    return keys_of(values) if values.get("client_id") and not bad else None


def keys_of(values: Mapping[str, str]) -> ClientKeys:
    """The keys from plain texts; empty ones are absent."""
    secret, private_key = values.get("client_secret"), values.get("private_key")
    return ClientKeys(
        client_id=values["client_id"].strip(),
        client_secret=Secret(secret) if secret else None,
        private_key=Secret(private_key) if private_key else None,
    )


def _client_problems(
    auth_type: AuthType, config: Mapping[str, Any], values: Mapping[str, str]
) -> dict[str, str]:
    if not values["client_id"].strip():
        return {"client_id": "Enter the ID that the service gave your app."}
    return auth_type.client_problems(config, keys_of(values))


def _client_text_problem(key: str, value: Any) -> str:
    if not isinstance(value, str):
        return "This takes text."
    if len(value) > LONGEST[key]:
        return f"This takes at most {LONGEST[key]} characters."
    if has_controls(_in_one_line(value) if key == "private_key" else value):
        return "Remove the control character: a line break was pasted along, perhaps."
    return ""


def _in_one_line(pem: str) -> str:
    return pem.replace("\r", "").replace("\n", "")


def _read_one(entry: Any, prefix: str, errors: Errors) -> AuthDefinition | None:
    if not isinstance(entry, dict):
        errors.append({"field": prefix.rstrip("."), "message": "This takes an object."})
        return None
    known = _LIST_KEYS if prefix else FLAT_KEYS
    errors += [
        {"field": f"{prefix}{key}", "message": "There is no such field here."}
        for key in entry
        if key not in known
    ]
    auth_type = _type_of(entry, prefix, errors)
    if auth_type is None:
        return None
    _check_blocks(entry, auth_type, prefix, errors)
    param_type = _param_type_of(entry, auth_type, prefix, errors)
    name, label = _names_of(entry, auth_type, prefix, errors)
    block = {} if entry.get(auth_type.name) is None else entry[auth_type.name]
    config = _config_of(block, auth_type, f"{prefix}{auth_type.name}", errors)
    if config is None or param_type is None:
        return None
    client = client_of(auth_type, config, block, f"{prefix}{auth_type.name}.", errors)
    return AuthDefinition(name, label, auth_type, param_type, config, client, prefix)


def _type_of(entry: Mapping[str, Any], prefix: str, errors: Errors) -> AuthType | None:
    chosen = entry.get("auth_type")
    if chosen in BLOCKS:
        return auth_types.get(chosen)
    errors.append({"field": f"{prefix}auth_type", "message": f"Choose one of {', '.join(BLOCKS)}."})
    return None


def _check_blocks(entry: Mapping[str, Any], auth_type: AuthType, prefix: str, errors: Errors) -> None:
    for other in BLOCKS:
        if other != auth_type.name and entry.get(other) is not None:
            message = f"Only the block {auth_type.name} belongs here."
            errors.append({"field": f"{prefix}{other}", "message": message})


def _param_type_of(
    entry: Mapping[str, Any], auth_type: AuthType, prefix: str, errors: Errors
) -> ParamType | None:
    """The chosen place; where a type knows only one, it is that one whatever was sent."""
    chosen = entry.get("param_type", "")
    if chosen in ("", None):
        return auth_type.param_types[0]
    known = isinstance(chosen, str) and chosen in set(ParamType)
    if known and len(auth_type.param_types) == 1:
        return auth_type.param_types[0]
    if known and ParamType(chosen) in auth_type.param_types:
        return ParamType(chosen)
    allowed = ", ".join(param_type.value for param_type in auth_type.param_types)
    errors.append({"field": f"{prefix}param_type", "message": f"{auth_type.label} takes one of {allowed}."})
    return None


def _names_of(entry: Mapping[str, Any], auth_type: AuthType, prefix: str, errors: Errors) -> tuple[str, str]:
    name, label = (
        given if given not in (None, "") else own
        for given, own in ((entry.get("name"), auth_type.name), (entry.get("label"), auth_type.label))
    )
    if not isinstance(name, str) or not LINK_NAME_PATTERN.fullmatch(name):
        message = "Small letters, digits and underscores, beginning with a letter, at most 50."
        errors.append({"field": f"{prefix}name", "message": message})
    if not isinstance(label, str) or len(label) > 100:
        errors.append({"field": f"{prefix}label", "message": "This takes at most 100 characters."})
    return str(name), str(label)


def _config_of(block: Any, auth_type: AuthType, prefix: str, errors: Errors) -> dict[str, Any] | None:
    if not isinstance(block, dict):
        errors.append({"field": prefix, "message": "This takes an object."})
        return None
    own = {key: value for key, value in block.items() if key not in auth_type.client_fields}
    try:
        return auth_type.Config.model_validate(own).model_dump(mode="json")
    except ValidationError as error:
        errors += words.sentences(error, prefix)
        return None
