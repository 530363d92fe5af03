"""Making an API token."""

from collections.abc import Iterable
from typing import Any

from django import forms

from connections.models import Connection
from people.actor import Actor
from people.operation_form import OperationForm
from people.widgets import Choice

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
SCOPES = (
    ("invoke", Choice("Call services", hint="invoke: calls through /invoke, by link name.")),
    ("manage", Choice("Manage", hint="manage: the API at /api/v1, with your rights.")),
)
FOLDED = ("methods", "networks", "act_for")
LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "No end"))


class TokenForm(OperationForm):
    """A token may never more than the person who makes it; each answer here narrows it further."""

    conflict_field = "name"
    name = forms.CharField(
        max_length=100,
        help_text="Where it is used, such as “nightly report”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name that says where it is used."},
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=SCOPES,
        initial=["invoke"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    connections = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every connection that you may use, later ones too.",
    )
    methods = forms.MultipleChoiceField(
        required=False,
        choices=[(method, method) for method in METHODS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every method.",
    )
    networks = forms.CharField(
        required=False,
        help_text="Where calls may come from, such as 203.0.113.0/24; one a line. Empty: from anywhere.",
        widget=forms.Textarea(attrs={"class": "mono", "rows": 2, "spellcheck": "false"}),
    )
    act_for = forms.CharField(
        label="May act for",
        required=False,
        help_text="E-mail addresses, one a line; * for everyone. A call names one in Switchboard-User.",
        widget=forms.Textarea(attrs={"class": "mono", "rows": 2, "spellcheck": "false"}),
    )
    days = forms.TypedChoiceField(
        label="Lasts", required=False, choices=LIFETIMES, initial="90", coerce=int, empty_value=None
    )

    def __init__(self, *args: Any, actor: Actor, usable: Iterable[Connection], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["connections"].choices = [  # type: ignore[attr-defined]
            (connection.link_name, Choice(connection.link_name, hint=connection.name))
            for connection in usable
        ]
        if not actor.is_administrator:
            del self.fields["act_for"]

    def clean_networks(self) -> list[str]:
        return _entries(self.cleaned_data["networks"])

    def clean_act_for(self) -> list[str]:
        return _entries(self.cleaned_data["act_for"])

    @property
    def narrows(self) -> bool:
        """Is anything entered, or wrong, in the part that is folded away?"""
        return any(self[name].errors or self[name].value() for name in FOLDED if name in self.fields)

    def asked(self) -> dict[str, Any]:
        """What create_token takes."""
        data = self.cleaned_data
        return {**data, "connections": data["connections"] or None, "act_for": data.get("act_for", [])}


def _entries(text: str) -> list[str]:
    return text.replace(",", " ").split()
