"""Making a connection, changing it, giving its credentials, taking it away."""

from collections.abc import Mapping
from typing import Any

from django import forms

from connections.forms.fields import credential_fields, scopes_field, variable_fields
from connections.models import Connection
from people.operation_form import OperationForm
from people.widgets import Choice
from services import auth_types, link_names, sources
from services.models import ServiceAuth

LINK_NAME_FORM = r"^[a-z][a-z0-9_]{0,49}$"
EVERYONE = Choice("Everyone here", hint="Whoever signs in here, and their API tokens.")


class ConnectionForm(OperationForm):
    """What can be said of a connection at any time. Further fields follow from its service."""

    name = forms.CharField(
        label="Connection name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name, such as “Desk tickets”."},
    )

    def __init__(self, *args: Any, auth: ServiceAuth, **options: Any) -> None:
        super().__init__(*args, **options)
        self.auth = auth
        self.fields.update(variable_fields(sources.asked_of(auth)))
        scopes = scopes_field(auth)
        if scopes:
            self.fields["scopes"] = scopes

    @property
    def variable_fields(self) -> list[forms.BoundField]:
        return self._fields_under("variables.")

    @property
    def credential_fields(self) -> list[forms.BoundField]:
        return self._fields_under("credentials.")

    def _fields_under(self, prefix: str) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(prefix)]


class DetailsForm(ConnectionForm):
    """A new connection, with its credentials where they are typed and not granted by redirect."""

    link_name = forms.RegexField(
        LINK_NAME_FORM,
        label="Connection link name",
        required=False,
        help_text="Scripts call it by this name, and it cannot change later. Empty: made from the name.",
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "none",
                "data-link-name-from": "id_name",
            }
        ),
        error_messages={
            "invalid": "Small letters, digits and underscores, beginning with a letter, at most 50."
        },
    )
    credentials_of = forms.ChoiceField(
        label="Whose credentials?",
        initial=Connection.CredentialsOf.OWNER,
        widget=forms.RadioSelect,
        choices=(
            (
                "owner",
                Choice("Mine, for everyone allowed", hint="You authorise once; calls use your account."),
            ),
            (
                "login_user",
                Choice("Each user’s own", hint="Every person authorises; calls run as that person."),
            ),
        ),
    )

    def __init__(self, *args: Any, auth: ServiceAuth, **options: Any) -> None:
        super().__init__(*args, auth=auth, **options)
        self.fields["audience"] = _audience_field(Choice("Only me", hint="And my API tokens."))
        self.fields.update(credential_fields(auth))
        if auth_types.get(auth.auth_type).is_automatic(auth.config):
            del self.fields["credentials_of"]  # they belong to the app, not to a person

    def clean(self) -> dict[str, Any]:
        """An empty link name follows from the name, as it does while typing where scripts run."""
        data = super().clean() or self.cleaned_data
        if not data.get("link_name") and "link_name" not in self.errors and data.get("name"):
            data["link_name"] = link_names.suggested(data["name"])
            if not data["link_name"]:
                self.add_error("link_name", "Enter a link name: the name has no letter to make one from.")
        return data


class EditForm(ConnectionForm):
    """A connection as it is, to be changed: name, variables, scopes, audience."""

    def __init__(self, *args: Any, connection: Connection, audience: str, **options: Any) -> None:
        initial = {"name": connection.name, "audience": audience, "scopes": connection.scopes}
        initial |= {f"variables.{name}": value for name, value in connection.variables.items()}
        super().__init__(*args, auth=connection.auth, initial=initial, **options)
        self.fields["audience"] = _audience_field(Choice("Only its creator", hint="And their API tokens."))
        if connection.is_internal:
            del self.fields["audience"]


class CredentialsForm(OperationForm):
    """The credentials of a connection, where a person types them; our own gets its token from us."""

    def __init__(self, *args: Any, connection: Connection, **options: Any) -> None:
        super().__init__(*args, **options)
        if not connection.is_internal:
            self.fields.update(credential_fields(connection.auth))


class SwitchForm(OperationForm):
    """One variable and another of its choices, as a link named them."""

    variable = forms.CharField(widget=forms.HiddenInput)
    choice = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, connection: Connection, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connection = connection

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for what is no choice of the service's."""
        data = super().clean() or self.cleaned_data
        variable = self._variable(data)
        if variable is None:
            raise forms.ValidationError("The link names no choice of this service. Edit the connection.")
        self.label = variable["label"] or variable["name"]
        self.present = self.connection.variables.get(variable["name"], "")
        return data

    def _variable(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        for variable in self.connection.auth.service.variables:
            if variable["name"] == data.get("variable") and data.get("choice") in variable["choices"]:
                return variable
        return None


class ConfirmForm(OperationForm):
    """The link name, typed to show that it is meant."""

    conflict_field = ""
    confirm = forms.CharField(
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the link name to confirm."},
    )

    def __init__(self, *args: Any, link_name: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.link_name = link_name
        self.fields["confirm"].label = f"Type {link_name} to confirm"

    def clean_confirm(self) -> str:
        """Compared here too, so that a slip is told beside the field."""
        typed = str(self.cleaned_data["confirm"]).strip()
        if typed != self.link_name:
            raise forms.ValidationError(f"This is not {self.link_name}.")
        return typed


def _audience_field(private: Choice) -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Who may use it?",
        choices=(("private", private), ("everyone", EVERYONE)),
        initial="private",
        widget=forms.RadioSelect,
    )
