"""The app that is registered with a service."""

from typing import Any

from django import forms

from people.operation_form import OperationForm
from services import auth_types, clients
from services.definition import CLIENT_VALUES
from services.forms.blocks import client_label, private_key_field
from services.forms.fields import SecretInput
from services.models import ServiceAuth
from vault.secret import Secret


class ClientForm(OperationForm):
    """Its labels are the authentication type's own words: client, or consumer."""

    def __init__(self, *args: Any, auth: ServiceAuth, **options: Any) -> None:
        held = clients.default_of(auth)
        options["initial"] = {"client_id": held.client_id} if held else {}
        options["auto_id"] = f"id_{auth.name}_%s"  # a page may show several of these forms
        super().__init__(*args, **options)
        self.auth = auth
        auth_type = auth_types.get(auth.auth_type)
        for name, own in zip(CLIENT_VALUES, auth_type.client_fields, strict=False):
            self.fields[name] = _field(name, client_label(own), is_held=bool(held and getattr(held, name)))

    def values(self) -> dict[str, Any]:
        """What ``operations.set_client`` takes."""
        secret, private_key = self.cleaned_data["client_secret"], self.cleaned_data.get("private_key")
        return {
            "auth_name": self.auth.name,
            "client_id": self.cleaned_data["client_id"],
            "client_secret": Secret(secret) if secret else None,
            "private_key": Secret(private_key) if private_key else None,
        }


def _field(name: str, label: str, *, is_held: bool) -> forms.Field:
    hint = "Stored. Leave it empty to keep it." if is_held and name != "client_id" else ""
    if name == "private_key":
        return private_key_field(label, hint or "In PEM form, for RSA-SHA1 only.")
    if name == "client_secret":
        return forms.CharField(label=label, required=False, widget=SecretInput(), help_text=hint)
    return forms.CharField(
        label=label,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Enter the ID that the service gave your app."},
    )
