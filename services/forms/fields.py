"""Fields for lists: written a line each, or in rows of boxes. Neither needs a script."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

_BLANK_ROWS = 2
_MOST_ROWS = 60


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def __init__(self, *, rows: int = 2, **options: Any) -> None:
        attributes = {"rows": rows, "spellcheck": "false", "autocapitalize": "none", "class": "mono"}
        super().__init__(widget=forms.Textarea(attrs=attributes), required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        """What the box shows: the typed text again, or the list a line each."""
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(self.line_of(each) for each in value)

    def clean(self, value: Any) -> Any:
        """The entries."""
        text = super().clean(value)
        return [self.entry_of(line.strip()) for line in text.splitlines() if line.strip()]

    def line_of(self, entry: Any) -> str:
        return str(entry)

    def entry_of(self, line: str) -> Any:
        return line


class TableLinesField(LinesField):
    """A list of records, one a line, their parts between bars, what is ticked by its name at the end:
    ``name | description | default``."""

    def __init__(self, *, columns: Sequence[str], flags: Sequence[str] = (), **options: Any) -> None:
        self.columns = columns
        self.flags = flags
        super().__init__(rows=4, **options)

    def line_of(self, entry: Any) -> str:
        parts = [str(entry.get(column) or "") for column in self.columns]
        ticked = [flag for flag in self.flags if entry.get(flag)]
        return " | ".join([*parts, *ticked]).rstrip(" |")

    def entry_of(self, line: str) -> Any:
        ticked: dict[str, bool] = {}
        for flag in reversed(self.flags):
            head, bar, last = line.rpartition("|")
            if bar and last.strip() == flag:
                line, ticked[flag] = head.strip(), True
        parts = line.split("|", len(self.columns) - 1)
        return dict(zip(self.columns, (part.strip() for part in parts), strict=False)) | ticked


class PairsField(LinesField):
    """A map of texts, one pair a line: ``name=value``, or ``Name: value`` with another mark."""

    def __init__(self, *, mark: str = "=", **options: Any) -> None:
        self.mark = mark
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(list(value.items()) if isinstance(value, Mapping) else value)

    def clean(self, value: Any) -> Any:
        """The map. Raises ValidationError for a line without the mark, or a name that comes twice."""
        pairs = super().clean(value)
        found: dict[str, str] = {}
        for name, part in pairs:
            if part is None:
                raise forms.ValidationError(f"“{name}” lacks its {self.mark} and value.")
            if name in found:
                raise forms.ValidationError(f"{name} is there twice.")
            found[name] = part
        return found

    def line_of(self, entry: Any) -> str:
        name, value = entry
        return f"{name}: {value}" if self.mark == ":" else f"{name}{self.mark}{value}"

    def entry_of(self, line: str) -> Any:
        name, mark, value = line.partition(self.mark)
        return name.strip(), value.strip() if mark else None


class RowsWidget(forms.Widget):
    """A table of text boxes; blank rows at its end are for more."""

    template_name = "services/widgets/rows.html"

    def __init__(self, columns: Mapping[str, str], attrs: dict[str, Any] | None = None) -> None:
        self.columns = columns
        super().__init__(attrs)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        filled = [row for row in value or [] if any(row.values())]
        rows = [*filled, *({} for _ in range(_BLANK_ROWS))]
        context["widget"]["columns"] = list(self.columns.values())
        context["widget"]["rows"] = [
            [
                {"name": f"{name}.{index}.{key}", "label": label, "value": row.get(key, "")}
                for key, label in self.columns.items()
            ]
            for index, row in enumerate(rows)
        ]
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """Every row that was sent, blank ones too, so that errors keep their numbers."""
        rows = []
        for index in range(_MOST_ROWS):
            row = {key: data.get(f"{name}.{index}.{key}") for key in self.columns}
            if all(value is None for value in row.values()):
                break
            rows.append({key: value or "" for key, value in row.items()})
        return rows

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""


class RowsField(forms.Field):
    """A list of records, a row of boxes each. ``lists`` are columns whose text is a list, by commas."""

    def __init__(self, *, columns: Mapping[str, str], lists: Sequence[str] = (), **options: Any) -> None:
        self.lists = lists
        super().__init__(widget=RowsWidget(columns), required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return [
            {key: ", ".join(part) if isinstance(part, list) else part for key, part in row.items()}
            for row in value or []
        ]

    def clean(self, value: Any) -> Any:
        """The rows in which anything was written."""
        rows = [row for row in value or [] if any(part.strip() for part in row.values())]
        return [{key: self._part(key, part) for key, part in row.items()} for row in rows]

    def _part(self, key: str, text: str) -> Any:
        if key in self.lists:
            return [part.strip() for part in text.split(",") if part.strip()]
        return text


class SecretInput(forms.PasswordInput):
    """A password box that is never filled in again."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password"}, render_value=False)


class SecretTextarea(forms.Textarea):
    """A box for a key of several lines that is never filled in again."""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off", "class": "mono"})

    def format_value(self, value: Any) -> str:
        return ""
