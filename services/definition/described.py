"""The definition of a service as JSON schemas, made of the very models that check it."""

from typing import Any

from pydantic import BaseModel

from services import auth_types
from services.auth_types.base import AuthType, ParamType
from services.definition.authentication import CLIENT_VALUES, LONGEST, MOST
from services.definition.shape import LINK_NAME, ServiceShape

Schema = dict[str, Any]

_FORMS_OWN = frozenset({"labels", "is_rare", "as_lines"})
_DEFS = "#/$defs/"
_WORDS = {
    "name": "What people read.",
    "link_name": "What scripts call it by; it never changes.",
    "base_url": "What every call starts with; `{name}` stands for a variable.",
    "hosts": "What may be called; the base URL’s host is always among them.",
    "headers": "Sent on every call; they win over the caller’s.",
    "query": "Sent on every call; it wins over the caller’s.",
    "variables": "What differs from connection to connection.",
    "test": "The request that proves a credential.",
    "identity": "The request that tells whose credential it is.",
}
_OF_BLOCKS = {  # where a form has words of its own
    "params": "What is asked for when connecting, and where each value goes.",
    "scopes": "What a connection may ask for.",
    "authorize_params": "Further parameters of the authorize URL.",
    "token_params": "Further parameters of the token URL.",
    "token_prefix": "Null: Bearer in headers, none elsewhere. Empty: none anywhere.",
}
_PARAM_TYPE = "Where the credential goes; by default the first place that its type has."
_EXAMPLE: Schema = {
    "name": "Example",
    "link_name": "example",
    "auth_type": "api_key",
    "param_type": "header",
    "base_url": "https://api.example.com",
    "api_key": {"params": [{"key": "X-Api-Key"}]},
}
_SHOWN: Schema = {
    "kind": {"enum": ["default", "custom"]},
    "category": {"type": "string"},
    "docs_url": {"type": "string"},
    "callback_url": {"type": "string", "description": "What an app is registered with."},
    "needs_client": {"type": "boolean", "description": "Does it take an app of yours?"},
    "has_client": {"type": "boolean"},
    "created_by": {"type": ["string", "null"]},
    "may_edit": {"type": "boolean"},
}


def new_service() -> Schema:
    """What a new service takes: a variant for each authentication type, and one for several."""
    shape = _own_shape()
    flat = [_variant(shape, _way(each), f"A service with {each.label}") for each in auth_types.ALL]
    several = _object({"auth": _several()}, "auth")
    return {
        "oneOf": [*flat, _variant(shape, several, "A service with several ways")],
        "examples": [_EXAMPLE],
    }


def changed_service() -> Schema:
    """What a change takes: any of the fields, and of a block any of its own."""
    fields = dict(_own_shape()["properties"])
    fields["link_name"] = {**fields["link_name"], "description": "As it is; it never changes."}
    for each in auth_types.ALL:
        fields[each.name] = _block(each) | {"required": []}
    fields |= {
        "auth_type": {"enum": list(_blocks())},
        "param_type": {"enum": [place.value for place in ParamType], "description": _PARAM_TYPE},
        "auth": _several(),
        "confirm": {
            "type": "string",
            "description": "Its link name, where credentials would go anywhere new.",
        },
    }
    return _object(fields) | {"examples": [{"headers": {"X-Api-Version": "2026-01-01"}}]}


def shown_service() -> Schema:
    """What is told of a service: its definition, what is known besides, and never a secret."""
    fields = dict(_own_shape()["properties"])
    for name in ("test", "identity"):
        fields[name] = {"type": "object", "description": f"{_WORDS[name]} Empty: there is none."}
    one = {
        "auth_type": {"enum": list(_blocks())},
        "param_type": {"enum": [place.value for place in ParamType]},
        **{each.name: {"type": "object", "description": f"With {each.label}."} for each in auth_types.ALL},
    }
    named = {"name": {"type": "string"}, "label": {"type": "string"}, **one}
    listed = {
        "type": "array",
        "description": "Where it offers several.",
        "items": {
            "type": "object",
            "properties": named,
            "required": ["name", "label", "auth_type", "param_type"],
        },
    }
    required = [*fields, *_SHOWN]
    return {"type": "object", "properties": fields | one | {"auth": listed} | _SHOWN, "required": required}


def _own_shape() -> Schema:
    shape = _inlined(ServiceShape)
    for name, words in _WORDS.items():
        shape["properties"][name] = {**shape["properties"][name], "description": words}
    for name in ("test", "identity"):  # {} says that there is none, as null does
        shape["properties"][name]["anyOf"].append({"type": "object", "maxProperties": 0})
    return shape


def _variant(shape: Schema, way: Schema, title: str) -> Schema:
    return _object({**shape["properties"], **way["properties"]}, *shape["required"], *way["required"]) | {
        "title": title
    }


def _way(auth_type: AuthType) -> Schema:
    """The flat keys of one authentication type."""
    block = _block(auth_type)
    fields = {
        "auth_type": {"const": auth_type.name, "type": "string"},
        "param_type": {"enum": _places(auth_type), "description": _PARAM_TYPE},
        auth_type.name: block,
    }
    return _object(fields, "auth_type", *([auth_type.name] if block["required"] else []))


def _several() -> Schema:
    own = {
        "name": {
            "type": "string",
            "pattern": LINK_NAME,
            "description": "By default its authentication type.",
        },
        "label": {"type": "string", "minLength": 1, "maxLength": 100},
    }
    entries = [_way(each) for each in auth_types.ALL]
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST,
        "description": "The ways to authenticate, where there are several; each entry holds its own block.",
        "items": {"oneOf": [_object(own | each["properties"], *each["required"]) for each in entries]},
    }


def _block(auth_type: AuthType) -> Schema:
    block = _inlined(auth_type.Config)
    for name, part in block["properties"].items():
        words = _OF_BLOCKS.get(name) or part.get("description", part.get("title", ""))
        block["properties"][name] = {**part, "description": words}
    client = dict(zip(auth_type.client_fields, CLIENT_VALUES, strict=False))
    for field, value in client.items():
        words = "Of the app; it may come later." + ("" if value == "client_id" else " Never told.")
        block["properties"][field] = {"type": "string", "maxLength": LONGEST[value], "description": words}
    return block | {"required": block.get("required", []), "description": f"With {auth_type.label}."}


def _places(auth_type: AuthType) -> list[str]:
    """A type with one place takes any that there is, and means its own."""
    places = auth_type.param_types if len(auth_type.param_types) > 1 else tuple(ParamType)
    return [place.value for place in places]


def _blocks() -> list[str]:
    return [each.name for each in auth_types.ALL]


def _object(fields: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }


def _inlined(model: type[BaseModel]) -> Schema:
    """A model's schema in one piece, less what is only for our forms."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined: Schema = _resolved(schema, definitions)
    return inlined


def _resolved(part: Any, definitions: Schema) -> Any:
    if isinstance(part, list):
        return [_resolved(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        named = definitions[part["$ref"].removeprefix(_DEFS)]
        return _resolved(named | {key: value for key, value in part.items() if key != "$ref"}, definitions)
    return {key: _resolved(value, definitions) for key, value in part.items() if key not in _FORMS_OWN}
