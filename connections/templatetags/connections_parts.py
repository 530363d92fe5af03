"""What pages show of connections, the pages of the rooms below among them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, cast

from django import template
from django.forms import MultipleChoiceField
from django.forms.boundfield import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from connections import access, rows
from people.actor import from_request
from services import auth_types, scopes
from services.models import Service, ServiceAuth

register = template.Library()
_BOX = '<label data-filter-text><input type="checkbox" name="{}" value="{}"{}><code>{}</code>{}</label>'
_CHECKED = mark_safe(" checked")


@register.filter
def auth_label(auth: ServiceAuth) -> str:
    """``OAuth 2``; a service with several has its own words for each."""
    type_label = auth_types.get(auth.auth_type).label
    return f"{auth.label} · {type_label}" if auth.label and auth.label != type_label else type_label


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes to tick under a heading, drawn."""

    title: str
    html: SafeString
    number: int
    is_ticked: bool


@register.filter
def scope_groups(field: BoundField) -> list[Boxes]:
    """A scopes field's boxes in groups; ``is_ticked`` where one of them is."""
    choices = cast("Iterable[tuple[str, str]]", cast("MultipleChoiceField", field.field).choices)
    ticked = {str(value) for value in field.value() or []}
    return [
        Boxes(
            title,
            _drawn(field.html_name, group, ticked),
            len(group),
            any(each[0] in ticked for each in group),
        )
        for title, group in scopes.grouped(choices, name=lambda choice: choice[0])
    ]


def _drawn(name: str, choices: Iterable[tuple[str, str]], ticked: Collection[str]) -> SafeString:
    """Each in its label. No template: there can be two thousand, which took one 60 ms."""
    rows = (
        (name, value, _CHECKED if value in ticked else "", label, _hint(getattr(label, "hint", "")))
        for value, label in choices
    )
    return format_html_join("\n", _BOX, rows)


def _hint(text: str) -> SafeString | str:
    return format_html("<small>{}</small>", text) if text else ""


@register.inclusion_tag("connections/parts/of_service.html", takes_context=True)
def connections_of(context: dict[str, Any], service: Service, *, may_add: bool = False) -> dict[str, Any]:
    """The connections that use a service, as far as the person may see them; a way to one more on demand."""
    actor = from_request(context["request"])
    found = access.visible(actor).filter(auth__service=service)
    return {"service": service, "rows": rows.of(found, actor), "may_add": may_add and actor.is_builder}
