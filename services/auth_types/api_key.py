"""API keys: any number of values, each under the name that the service gives it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field as Declared
from pydantic import StringConstraints, field_validator

from services.auth_types.base import (
    AuthType,
    ClientKeys,
    Config,
    Field,
    ParamType,
    Placement,
    Reserved,
    Unsigned,
)
from services.auth_types.errors import CannotSign
from services.auth_types.text import header_name_problem, is_placeholder_name, parts_of
from vault.secret import Secret

AsItStands = Annotated[str, StringConstraints(strip_whitespace=False, max_length=100)]
_SAFE_IN_PATH = "-._~!$&'()*+,;=:@"  # RFC 3986 3.3: what a segment may hold, so neither / nor ? nor %


class KeyParam(Config):
    """One value: its wire name, the label to ask for it with, and what stands before it."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Declared(title="Parameter key")
    display_name: Annotated[str, StringConstraints(max_length=100)] = Declared("", title="Display name")
    prefix: AsItStands = Declared("", title="Prefix")


class ApiKeyConfig(Config):
    params: list[KeyParam] = Declared(
        min_length=1,
        max_length=20,
        title="Parameters",
        description="The key is the name on the wire, the display name what people are asked for when they"
        " connect. A prefix goes before the value as it stands, such as “Bearer ” with its space.",
    )

    @field_validator("params")
    @classmethod
    def _keys_differ(cls, params: list[KeyParam]) -> list[KeyParam]:
        keys = [param.key.lower() for param in params]
        if len(set(keys)) < len(keys):
            raise ValueError("Two parameters have the same key; each needs its own.")
        return params


class ApiKey(AuthType):
    name = "api_key"
    label = "API key"
    summary = "One secret or several"
    param_types = (ParamType.HEADER, ParamType.QUERY, ParamType.FORM, ParamType.PATH)
    Config: ClassVar[type[Config]] = ApiKeyConfig

    def fields(self, config: Mapping[str, Any]) -> tuple[Field, ...]:
        return tuple(
            Field(key=param["key"], label=param["display_name"] or param["key"]) for param in config["params"]
        )

    def config_problems(
        self, config: Mapping[str, Any], param_type: ParamType, base_url: str
    ) -> dict[str, str]:
        found = {
            f"params.{index}.key": _key_problem(param["key"], param_type, base_url)
            for index, param in enumerate(config["params"])
        }
        return {field: problem for field, problem in found.items() if problem}

    def credential_problem(self, key: str, value: str) -> str:
        return "Remove the space at its beginning or end." if value != value.strip() else ""

    def reserved(self, config: Mapping[str, Any], param_type: ParamType) -> Reserved:
        keys = [param["key"] for param in config["params"]]
        match param_type:
            case ParamType.HEADER:
                return Reserved(headers=frozenset(key.lower() for key in keys))
            case ParamType.QUERY:
                return Reserved(query=frozenset(keys))
            case ParamType.FORM:
                return Reserved(form=frozenset(keys))
            case ParamType.PATH:
                return Reserved()

    def place(
        self,
        config: Mapping[str, Any],
        param_type: ParamType,
        client: ClientKeys | None,
        secrets: Mapping[str, Secret],
        request: Unsigned,
    ) -> Placement:
        pairs = tuple(
            (param["key"], param["prefix"] + secrets[param["key"]].reveal()) for param in config["params"]
        )
        match param_type:
            case ParamType.HEADER:
                return Placement(headers=pairs)
            case ParamType.QUERY:
                return Placement(query=pairs)
            case ParamType.FORM:
                return Placement(form=pairs)
            case ParamType.PATH:
                return Placement(path={key: _segment(value) for key, value in pairs})


def _key_problem(key: str, param_type: ParamType, base_url: str) -> str:
    if param_type is ParamType.HEADER:
        return header_name_problem(key)
    if param_type is ParamType.PATH:
        if not is_placeholder_name(key):
            return "A key in the path is named by small letters, digits and underscores."
        if f"{{{key}}}" not in parts_of(base_url).path:
            return f"Write {{{key}}} where the key stands in the base URL’s path."
    return ""


def _segment(value: str) -> str:
    if value in {"", ".", ".."}:
        raise CannotSign("This key cannot stand in an address.", hint="Enter the key again.")
    return quote(value, safe=_SAFE_IN_PATH)
