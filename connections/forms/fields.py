"""Form fields that follow from what a service and its authentication type declare."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from people.widgets import Choice
from services import auth_types
from services.models import ServiceAuth

MAX_CREDENTIAL = 8192
FEW_CHOICES = 6


class ScopesField(forms.MultipleChoiceField):
    """The scopes that a service declares, with their descriptions; drawn by parts/scopes.html."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, scopes: Iterable[Mapping[str, str]], **options: Any) -> None:
        choices = [
            (scope["name"], Choice(scope["name"], hint=scope.get("description", ""))) for scope in scopes
        ]
        super().__init__(choices=choices, required=False, label="Scopes", **options)
        self.error_messages["invalid_choice"] = "This service has no scope %(value)s."


def scopes_field(auth: ServiceAuth) -> ScopesField | None:
    """None where there is nothing to choose from."""
    declared = {scope["name"]: scope for scope in auth.config.get("scopes", [])}
    names = auth_types.get(auth.auth_type).scope_names(auth.config)
    if not names:
        return None
    return ScopesField(
        [declared.get(name, {"name": name}) for name in names],
        initial=[name for name in names if declared.get(name, {}).get("default")],
        help_text="Ask for as little as the scripts need.",
    )


def credential_fields(auth: ServiceAuth) -> dict[str, forms.Field]:
    """What the authentication type asks, as ``credentials.<key>``. Secrets are never redisplayed."""
    samples = auth.service.meta.get("sample_credentials", {})
    return {
        f"credentials.{field.key}": forms.CharField(
            label=field.label,
            help_text=f"To try it out: {samples[field.key]}" if field.key in samples else field.hint,
            required=field.is_required,
            max_length=MAX_CREDENTIAL,
            strip=False,
            widget=_credential_widget(is_secret=field.is_secret),
            error_messages={"required": f"Enter the {field.label}."},
        )
        for field in auth_types.get(auth.auth_type).fields(auth.config)
    }


def variable_fields(variables: Iterable[Mapping[str, Any]]) -> dict[str, forms.Field]:
    """A service's variables, as ``variables.<name>``."""
    return {f"variables.{variable['name']}": _variable_field(variable) for variable in variables}


def _variable_field(variable: Mapping[str, Any]) -> forms.Field:
    label = variable.get("label") or variable["name"]
    words: dict[str, Any] = {
        "label": label,
        "help_text": variable.get("hint", ""),
        "error_messages": {"required": f"Enter the {label}.", "invalid_choice": f"Choose the {label}."},
    }
    choices = [(choice, choice) for choice in variable.get("choices") or []]
    if not choices:
        placeholder = {
            "placeholder": variable.get("example") or "",
            "autocomplete": "off",
            "spellcheck": "false",
        }
        return forms.CharField(widget=forms.TextInput(attrs=placeholder), **words)
    if len(choices) <= FEW_CHOICES:
        return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **words)
    return forms.ChoiceField(choices=[("", "Choose…"), *choices], **words)


def _credential_widget(*, is_secret: bool) -> forms.Widget:
    attrs = {"autocomplete": "new-password" if is_secret else "off", "spellcheck": "false", "class": "mono"}
    return forms.PasswordInput(attrs=attrs) if is_secret else forms.TextInput(attrs=attrs)
