"""A custom service that begins as a default one."""

from typing import Any

from django import forms

from people.operation_form import OperationForm
from services import link_names
from services.models import Service


class CopyForm(OperationForm):
    """Its own name and link name; all else is edited afterwards."""

    name = forms.CharField(
        label="Service name", max_length=50, error_messages={"required": "Enter a name for the copy."}
    )
    link_name = forms.CharField(
        label="Service link name",
        help_text="Part of the callback URL. It cannot change later.",
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Enter a link name."},
    )

    def __init__(self, *args: Any, service: Service, **options: Any) -> None:
        name = f"Our {service.name}"[:50]
        options["initial"] = {"name": name, "link_name": link_names.suggested(name)}
        super().__init__(*args, **options)
