"""What narrows the activity page."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from connections import access
from invoke.asks import METHODS
from invoke.operations import STATUS_CLASSES, Search
from people.actor import Actor


class ActivityForm(forms.Form):
    """Sent by GET; a value that is none of the choices is named beside its field, and narrows nothing."""

    connection = forms.ChoiceField(required=False)
    outcome = forms.ChoiceField(
        label="Result",
        required=False,
        choices=[("", "Any"), *STATUS_CLASSES.items(), ("ours", "Not made, or broken off")],
    )
    method = forms.ChoiceField(
        required=False, choices=[("", "Any"), *((name, name) for name in sorted(METHODS))]
    )
    person = forms.CharField(required=False, max_length=254, label="Person")
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        names = access.visible(actor).order_by("name").values_list("link_name", "name")
        field = self.fields["connection"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any"), *names]
        if not actor.is_administrator:
            del self.fields["person"]

    def search(self) -> Search:
        """What the valid fields say."""
        self.is_valid()
        said: dict[str, Any] = getattr(self, "cleaned_data", {})
        since = said.get("since")
        return Search(
            connection=said.get("connection", ""),
            outcome=said.get("outcome", ""),
            method=said.get("method", ""),
            person=said.get("person", ""),
            since=datetime.combine(since, time.min, UTC) if since else None,
        )
