"""The fields of each authentication type's block, derived from what the type declares.

A new type, or a new option of one, shows up in the form without a line here.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from django import forms
from pydantic.fields import FieldInfo

from people.widgets import Choice
from services import auth_types
from services.auth_types.base import AuthType, Config, ParamType
from services.forms.fields import PairsField, RowsField, SecretInput, SecretTextarea, TableLinesField

NO_TEXT = "-"  # typed where an empty box means the default, and none is wanted
_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_EXAMPLES = {
    ParamType.HEADER: "Name: value",
    ParamType.QUERY: "?name=value",
    ParamType.FORM: "name=value",
    ParamType.PATH: "/{key}/…",
}


def fields_of(auth_type: AuthType, *, with_client: bool) -> dict[str, forms.Field]:
    """Fields named like the contract, ``oauth2.token_url``; ``oauth2.param_type`` is the block's own."""
    found: dict[str, forms.Field] = {}
    if len(auth_type.param_types) > 1:
        found["param_type"] = _param_type_field(auth_type)
    if with_client:
        found |= {name: _client_field(name) for name in auth_type.client_fields}
    for name, declared in auth_type.Config.model_fields.items():
        found[name] = _field(declared)
    return {f"{auth_type.name}.{name}": field for name, field in found.items()}


def rare_names(auth_type: AuthType) -> list[str]:
    """The options that most services leave alone."""
    return [
        f"{auth_type.name}.{name}"
        for name, declared in auth_type.Config.model_fields.items()
        if _extra(declared).get("is_rare")
    ]


def block_of(auth_type: AuthType, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's block from what was entered."""
    block: dict[str, Any] = {}
    for name, declared in auth_type.Config.model_fields.items():
        value = cleaned.get(f"{auth_type.name}.{name}")
        if _is_optional_text(declared):
            value = "" if value == NO_TEXT else value or None
        if value != "" or not _is_choice(declared):  # what was not chosen is the default
            block[name] = value
    for name in auth_type.client_fields:
        if cleaned.get(f"{auth_type.name}.{name}"):
            block[name] = cleaned[f"{auth_type.name}.{name}"]
    return block


def initial_of(auth_type: AuthType, config: Mapping[str, Any], param_type: str) -> dict[str, Any]:
    """What the block's fields show of a stored config."""
    fields = auth_type.Config.model_fields
    shown = {name: _shown(fields[name], value) for name, value in config.items() if name in fields}
    shown["param_type"] = param_type
    return {f"{auth_type.name}.{name}": value for name, value in shown.items()}


def type_choices() -> list[tuple[str, Choice]]:
    """Every authentication type, with its few words."""
    return [(each.name, Choice(each.label, hint=each.summary)) for each in auth_types.ALL]


def _param_type_field(auth_type: AuthType) -> forms.Field:
    choices = [(each.value, Choice(each.label, hint=_EXAMPLES[each])) for each in auth_type.param_types]
    return forms.ChoiceField(
        label="Param type",
        choices=choices,
        initial=auth_type.param_types[0].value,
        required=False,
        widget=forms.RadioSelect,
        help_text="Where the credential travels on every call.",
    )


def _client_field(name: str) -> forms.Field:
    label = client_label(name)
    if name == "private_key":
        return private_key_field(label, "In PEM form, for RSA-SHA1 only.")
    widget = SecretInput() if name.endswith("_secret") else forms.TextInput(attrs=_TEXT)
    return forms.CharField(label=label, required=False, widget=widget)


def private_key_field(label: str, hint: str) -> forms.Field:
    """A box for a key in PEM form."""
    return forms.CharField(label=label, required=False, strip=False, widget=SecretTextarea(), help_text=hint)


def client_label(name: str) -> str:
    """``client_id`` → “Client ID”."""
    return name.replace("_", " ").capitalize().replace(" id", " ID")


def _field(declared: FieldInfo) -> forms.Field:
    options: dict[str, Any] = {"label": declared.title, "help_text": declared.description or ""}
    kind, extra = declared.annotation, _extra(declared)
    default = declared.get_default(call_default_factory=True)
    if kind is bool:
        return forms.BooleanField(required=False, initial=default, **options)
    if _is_choice(declared):
        labels = extra.get("labels") or {value: value for value in get_args(kind)}
        return forms.ChoiceField(choices=list(labels.items()), initial=default, required=False, **options)
    if get_origin(kind) is dict or _is_record(kind):
        return PairsField(**options)
    if get_origin(kind) is list:
        return _list_field(get_args(kind)[0], extra, options)
    is_plain = isinstance(default, str)
    return forms.CharField(
        required=False, initial=default if is_plain else "", widget=forms.TextInput(attrs=_TEXT), **options
    )


def _list_field(record: type[Config], extra: Mapping[str, Any], options: dict[str, Any]) -> forms.Field:
    if extra.get("as_lines"):
        flags = [name for name, column in record.model_fields.items() if column.annotation is bool]
        texts = [name for name in record.model_fields if name not in flags]
        return TableLinesField(columns=texts, flags=flags, **options)
    columns = {name: declared.title or name for name, declared in record.model_fields.items()}
    return RowsField(columns=columns, **options)


def _shown(declared: FieldInfo, value: Any) -> Any:
    if value == "" and _is_optional_text(declared):
        return NO_TEXT
    return {name: part for name, part in value.items() if part} if _is_record(declared.annotation) else value


def _is_choice(declared: FieldInfo) -> bool:
    return get_origin(declared.annotation) is Literal or "labels" in _extra(declared)


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Config)


def _is_optional_text(declared: FieldInfo) -> bool:
    return type(None) in get_args(declared.annotation)


def _extra(declared: FieldInfo) -> dict[str, Any]:
    extra = declared.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}
