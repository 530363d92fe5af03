"""A custom service, made or changed. The definition checks; this form only asks."""

from dataclasses import dataclass
from typing import Any

from django import forms

from people.operation_form import OperationForm
from people.widgets import Choice
from problems import ValidationFailed
from services import auth_types, definition, link_names
from services.auth_types.base import AuthType
from services.forms import blocks
from services.forms.fields import LinesField, PairsField, RowsField
from services.models import Service

_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_VARIABLE_COLUMNS = {
    "name": "Name",
    "label": "Label",
    "choices": "Choices, by commas",
    "pattern": "Pattern",
    "example": "Example",
    "hint": "Hint",
    "from": "Told by",
}
_COOKIES = [
    ("drop", Choice("Dropped", hint="Both ways: what a session would keep, the credential stands for.")),
    ("pass", Choice("Passed on", hint="For CSRF tokens that come with a cookie, as SAP’s do.")),
]
_FIRST = ("name", "base_url", "hosts")
_PLAIN = (*_FIRST, "headers", "query", "default_headers", "default_query", "cookies", "variables")
_TEST_METHODS = [(method, method) for method in ("GET", "HEAD", "POST", "OPTIONS")]


@dataclass(frozen=True, slots=True)
class Way:
    """One authentication type in the form: its radio button and its block's fields."""

    option: Any
    auth_type: AuthType
    main: list[forms.BoundField]
    rare: list[forms.BoundField]

    @property
    def has_rare_errors(self) -> bool:
        return any(field.errors for field in self.rare)


class ServiceForm(OperationForm):
    """``service``: the one to change; its link name is fixed, and its app has a form of its own.

    ``nested()`` is the contract's JSON, with the block of the chosen authentication type alone.
    """

    name = forms.CharField(
        label="Service name",
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name, such as “Zoho Commerce”."},
    )
    link_name = forms.CharField(
        label="Service link name",
        required=False,
        help_text="Part of the callback URL. It cannot change later.",
        widget=forms.TextInput(attrs={**_TEXT, "class": "mono", "data-link-name-from": "id_name"}),
    )
    base_url = forms.CharField(
        label="Base URL",
        help_text="Every call’s path is appended to it. {name} stands for a variable.",
        widget=forms.TextInput(
            attrs={**_TEXT, "inputmode": "url", "placeholder": "https://api.example.com/v1"}
        ),
        error_messages={"required": "Enter the address that every call starts with."},
    )
    hosts = LinesField(
        label="May call",
        help_text="One host a line. Credentials of this service are only ever sent to these hosts."
        " Empty: the base URL’s host. *.example.com stands for its subdomains.",
    )
    auth_type = forms.ChoiceField(
        label="Authentication type",
        choices=blocks.type_choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how this service authenticates."},
    )
    headers = PairsField(
        mark=":", label="Headers on every call", help_text="One a line, such as Accept: application/json."
    )
    query = PairsField(label="Query on every call", help_text="One a line, such as format=json.")
    default_headers = PairsField(
        mark=":",
        label="Headers unless the caller sends them",
        help_text="One a line, such as X-Api-Version: 2026-01-15.",
    )
    default_query = PairsField(
        label="Query unless the caller sends it", help_text="One a line, such as api-version=2026-01-15."
    )
    cookies = forms.ChoiceField(
        label="Cookies", choices=_COOKIES, initial="drop", required=False, widget=forms.RadioSelect
    )
    variables = RowsField(
        columns=_VARIABLE_COLUMNS,
        lists=("choices",),
        label="Variables",
        help_text="What differs from connection to connection, such as a data centre or a subdomain. What the"
        " service tells when somebody authorises is told by callback.realmId, say, or token.instance_url.",
    )

    def __init__(self, *args: Any, service: Service | None = None, **options: Any) -> None:
        self.service = service
        if service:
            options["initial"] = _initial_of(service) | (options.get("initial") or {})
        super().__init__(*args, **options)
        self.auth_types = _offered(service)
        for auth_type in self.auth_types:
            self.fields.update(blocks.fields_of(auth_type, with_client=service is None))
        self.fields.update(_request_fields())
        if service:
            del self.fields["link_name"]
            self._fit_to(service)

    def clean(self) -> dict[str, Any]:
        """An empty link name follows from the name, as it does while typing where scripts run."""
        data = super().clean() or self.cleaned_data
        self._forget_other_blocks(data.get("auth_type"))
        if self.service is None and not data.get("link_name") and data.get("name"):
            data["link_name"] = link_names.suggested(data["name"])
            if not data["link_name"]:
                self.add_error("link_name", "Enter a link name: the name has no letter to make one from.")
        if self.errors and "auth_type" in data:
            self._tell_the_rest()
        return data

    def nested(self) -> dict[str, Any]:
        """The contract's JSON of what was entered."""
        entered = self.cleaned_data
        data: dict[str, Any] = {name: entered[name] for name in ("link_name", *_PLAIN) if name in entered}
        data["cookies"] = entered.get("cookies") or "drop"
        data["variables"] = [self._with_follow(variable) for variable in data["variables"]]
        data["test"] = self._request("test", ("method", "path"))
        data["identity"] = self._request("identity", ("path", "id", "label"))
        if "auth_type" in entered:
            auth_type = auth_types.get(entered["auth_type"])
            param_type = entered.get(f"{auth_type.name}.param_type") or auth_type.param_types[0].value
            data |= {"auth_type": auth_type.name, "param_type": param_type}
            data[auth_type.name] = blocks.block_of(auth_type, entered)
        return data

    @property
    def ways(self) -> list[Way]:
        """The authentication types, each with its own part of the form."""
        if not self.auth_types:
            return []
        options = {option.data["value"]: option for option in self["auth_type"]}
        return [self._way(auth_type, options.get(auth_type.name)) for auth_type in self.auth_types]

    @property
    def has_rare_errors(self) -> bool:
        return any(self[name].errors for name in self.rare_names)

    @property
    def rare_names(self) -> list[str]:
        plain = [name for name in _PLAIN if name not in _FIRST]
        return [*plain, *_request_fields()]

    @property
    def rare(self) -> list[forms.BoundField]:
        """What most services leave alone."""
        return [self[name] for name in self.rare_names]

    def _lay_one(self, name: str, message: str) -> None:
        if name == "param_type":
            name = f"{self.cleaned_data.get('auth_type', '')}.param_type"
        super()._lay_one(name, message)

    def _way(self, auth_type: AuthType, option: Any) -> Way:
        names = [name for name in self.fields if name.startswith(f"{auth_type.name}.")]
        rare = blocks.rare_names(auth_type)
        return Way(
            option,
            auth_type,
            main=[self[name] for name in names if name not in rare],
            rare=[self[name] for name in names if name in rare],
        )

    def _forget_other_blocks(self, chosen: str | None) -> None:
        """What stands in the blocks that were not chosen is nobody's mistake."""
        for auth_type in self.auth_types:
            for name in [name for name in self.errors if name.startswith(f"{auth_type.name}.")]:
                if auth_type.name != chosen:
                    del self.errors[name]

    def _tell_the_rest(self) -> None:
        """What the operation would say of the other fields: once round is enough."""
        told = set(self.errors)
        fixed = {"link_name": self.service.link_name} if self.service else {}
        try:
            definition.parse(self.nested() | fixed)
        except ValidationFailed as error:
            for problem in error.errors:
                if problem["field"].partition(".")[0] not in told and problem["field"] not in told:
                    self._lay_one(problem["field"], problem["message"])

    def _request(self, name: str, parts: tuple[str, ...]) -> dict[str, Any]:
        entered = {part: self.cleaned_data.get(f"{name}.{part}") or "" for part in parts}
        return entered if entered["path"] else {}

    def _with_follow(self, variable: dict[str, Any]) -> dict[str, Any]:
        """What goes with a choice has no box here: it stays while the choices do."""
        for stored in self.service.variables if self.service else []:
            if stored["name"] == variable["name"] and stored["choices"] == variable["choices"]:
                return variable | {key: stored.get(key, {}) for key in ("follow", "callback")}
        return variable

    def _fit_to(self, service: Service) -> None:
        """Show what is stored, also a choice that this form would not offer."""
        if service.auths.count() > 1:
            del self.fields["auth_type"]
            return
        for name, field in self.fields.items():
            stored = self.initial.get(name)
            if isinstance(field, forms.ChoiceField) and stored:
                offered = [(value, label) for value, label in field.widget.choices if value]
                if stored not in dict(offered):
                    field.choices = [*offered, (stored, stored)]


def _offered(service: Service | None) -> tuple[AuthType, ...]:
    """Every authentication type; none for a service with several ways, which the API alone changes."""
    if service is not None and service.auths.count() > 1:
        return ()
    return auth_types.ALL


def _initial_of(service: Service) -> dict[str, Any]:
    stored = definition.describe(service)
    initial = {name: stored[name] for name in _PLAIN}
    for name in ("test", "identity"):
        initial |= {f"{name}.{part}": value for part, value in stored[name].items()}
    if "auth_type" in stored:
        auth_type = auth_types.get(stored["auth_type"])
        initial["auth_type"] = auth_type.name
        initial |= blocks.initial_of(auth_type, stored[auth_type.name], stored["param_type"])
    return initial


def _request_fields() -> dict[str, forms.Field]:
    text = forms.TextInput(attrs=_TEXT)
    return {
        "test.method": forms.ChoiceField(label="Test request", choices=_TEST_METHODS, required=False),
        "test.path": forms.CharField(
            label="Test path",
            required=False,
            widget=text,
            help_text="A cheap request that proves a credential, such as /me.",
        ),
        "identity.path": forms.CharField(
            label="Identity path",
            required=False,
            widget=text,
            help_text="Tells whose account it is, asked once after connecting.",
        ),
        "identity.id": forms.CharField(
            label="Id in the answer", required=False, widget=text, help_text="Such as user.id."
        ),
        "identity.label": forms.CharField(
            label="Name in the answer", required=False, widget=text, help_text="Such as user.email."
        ),
    }
