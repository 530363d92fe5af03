"""What is wrong with a field, in a sentence that says what to do."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from services.auth_types.oauth2_config import TokenFields

_REQUIRED = {
    "name": "Enter a name.",
    "link_name": "Enter a link name.",
    "base_url": "Enter the address that every call starts with.",
    "path": "Enter a path.",
    "params": "Add at least one parameter.",
    "key": "Enter the name that the service gives this parameter.",
    "authorize_url": "Enter the address where people authorise.",
    "token_url": "Enter the address where tokens are fetched.",
}
_DOTTED = "Names joined by dots, such as data.access_token."
_FORM = {
    "link_name": "Small letters, digits and underscores, beginning with a letter, at most 50.",
    "variables.name": "Small letters, digits and underscores, beginning with a letter, at most 50.",
    "scopes.name": "A scope has no spaces in it: write one scope per entry.",
    "variables.from": "Write callback. and the name of a parameter, or token. and a dotted path.",
    "token_path": _DOTTED,
    **{f"token_fields.{name}": _DOTTED for name in TokenFields.model_fields},
    "realm": "Leave out quotes and backslashes.",
    "scope_separator": "Use a space, a comma, a semicolon, | or +.",
}


def sentences(error: ValidationError, prefix: str = "") -> list[dict[str, str]]:
    """An entry for each wrong field, named by its dotted path."""
    found: dict[str, str] = {}
    for entry in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in entry["loc"] if part != "[key]"]
        found.setdefault(".".join([prefix, *path] if prefix else path), _sentence(entry, path))
    return [{"field": field, "message": message} for field, message in found.items()]


def _sentence(entry: Mapping[str, Any], path: list[str]) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    names = [part for part in path if not part.isdigit()]
    leaf = names[-1] if names else ""
    if kind in {"missing", "string_too_short", "too_short"}:
        return _REQUIRED.get(leaf, "This is required.")
    if kind == "string_pattern_mismatch":
        return _FORM.get(".".join(names[-2:])) or _FORM.get(leaf, "This is not of the form that it takes.")
    if kind == "value_error":
        return str(context["error"])
    return _PLAIN.get(kind, "This is not of the kind that it takes.").format(**context)


_PLAIN = {
    "extra_forbidden": "There is no such field here.",
    "string_too_long": "This takes at most {max_length} characters.",
    "too_long": "This takes at most {max_length} entries.",
    "literal_error": "Choose one of {expected}.",
    "string_type": "This takes text.",
    "bool_type": "This takes true or false.",
    "bool_parsing": "This takes true or false.",
    "list_type": "This takes a list.",
    "dict_type": "This takes an object.",
    "model_type": "This takes an object.",
    "model_attributes_type": "This takes an object.",
}
