"""A form in front of one operation: the operation checks, and what it refuses stands beside the field."""

from typing import Any, ClassVar

from django import forms

from problems import AppError, Conflict, InvalidInput

REFUSALS = (InvalidInput, Conflict)


class OperationForm(forms.Form):
    """Its fields are named as the operation's data is: dotted for what is nested (``oauth2.token_url``).

    A view calls ``is_valid()``, then the operation with ``nested()``, and hands what it catches of
    ``REFUSALS`` to ``lay()``.
    """

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
        problems: list[dict[str, str]] = error.extra.get("errors") or [
            {"field": self.conflict_field if isinstance(error, Conflict) else "", "message": _words(error)}
        ]
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
