"""A form in front of one operation: the operation checks, and what it refuses stands beside the field."""

from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundField
from django.http import HttpRequest, QueryDict

from problems import AppError, Conflict, InvalidInput

REFUSALS = (InvalidInput, Conflict)


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: a POST's body, be it empty; nothing where the page is only looked at."""
    return request.POST if request.method == "POST" else None


class _Field(BoundField):
    """The first field that is wrong takes the cursor: it is in view, and read out with its sentence."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        found = super().build_widget_attrs(attrs, widget)
        first_wrong = next((name for name in self.form.fields if name in self.form.errors), None)
        is_one_box = not (widget or self.field.widget).use_fieldset
        return found | {"autofocus": True} if is_one_box and self.name == first_wrong else found


class OperationForm(forms.Form):
    """Its fields are named as the operation's data is: dotted for what is nested (``oauth2.token_url``).

    A view calls ``is_valid()``, then the operation with ``nested()``, and hands what it catches of
    ``REFUSALS`` to ``lay()``.
    """

    bound_field_class = _Field
    conflict_field: ClassVar[str] = "link_name"  # where a name that is taken is told

    def nested(self) -> dict[str, Any]:
        """What was entered, as the contract's JSON nests it."""
        data: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            *path, leaf = name.split(".", 1)
            (data.setdefault(path[0], {}) if path else data)[leaf] = value
        return data

    def lay(self, error: AppError) -> None:
        """Show what an operation refused: each sentence at its field, the rest at the form's head."""
        is_named = isinstance(error, Conflict) and self.conflict_field in self.fields
        whole = {"field": self.conflict_field if is_named else "", "message": _words(error)}
        problems: list[dict[str, str]] = error.extra.get("errors") or [whole]
        for problem in problems:
            self._lay_one(problem["field"], problem["message"])

    def _lay_one(self, name: str, message: str) -> None:
        """``scopes.3`` belongs to ``scopes``: the longest prefix that is a field."""
        field = name
        while field and field not in self.fields:
            field = field.rpartition(".")[0]
        if field:
            self.add_error(field, message)
        else:
            self.add_error(None, f"{name}: {message}" if name else message)


def _words(error: AppError) -> str:
    return f"{error.message} {error.hint}".strip()
