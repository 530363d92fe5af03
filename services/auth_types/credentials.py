"""What a person enters when connecting, checked against what the authentication type asks for."""

from collections.abc import Mapping
from typing import Any

from problems import ValidationFailed
from services.auth_types.base import AuthType, Field
from services.auth_types.text import has_controls
from vault.secret import Secret

MAX_LENGTH = 8192


def parse(auth_type: AuthType, config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Secret]:
    """The entered values by key. Raises ValidationFailed with ``credentials.<key>`` fields."""
    asked = {field.key: field for field in auth_type.fields(config)}
    errors = [
        {"field": f"credentials.{key}", "message": "This service asks for no such credential."}
        for key in given
        if key not in asked
    ]
    together = auth_type.credentials_problems(given)
    for key, field in asked.items():
        value = given.get(key, "")
        problem = _problem(field, value) or auth_type.credential_problem(key, value) or together.get(key)
        if problem:
            errors.append({"field": f"credentials.{key}", "message": problem})
    if errors:
        raise ValidationFailed(errors)
    return {key: Secret(given[key]) for key in asked if given.get(key)}


def _problem(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        return "This takes text."
    if not value:
        return f"Enter the {field.label}." if field.is_required else ""
    if len(value) > MAX_LENGTH:
        return f"This takes at most {MAX_LENGTH} characters."
    if has_controls(value):
        return "Remove the control character: a line break was pasted along, perhaps."
    return ""
