"""What pages show of connections, the pages of the rooms below among them."""

from typing import Any

from django import template
from django.forms.boundfield import BoundField, BoundWidget

from connections import access, rows
from people.actor import from_request
from services import auth_types, scopes
from services.models import Service, ServiceAuth

register = template.Library()


@register.filter
def auth_label(auth: ServiceAuth) -> str:
    """``OAuth 2``; a service with several has its own words for each."""
    type_label = auth_types.get(auth.auth_type).label
    return f"{auth.label} · {type_label}" if auth.label and auth.label != type_label else type_label


@register.filter
def auth_labels(service: Service) -> str:
    """The ways to authenticate that a service offers, each once. Reads ``auths``, which lists prefetch."""
    labels = [auth_types.get(auth.auth_type).label for auth in service.auths.all()]
    return " or ".join(dict.fromkeys(labels))


@register.filter
def scope_groups(field: BoundField) -> list[tuple[str, list[BoundWidget], bool]]:
    """A scopes field's boxes in groups: their title, the boxes, and whether one of them is ticked."""
    found = scopes.grouped(field.subwidgets, name=lambda option: str(option.data["value"]))
    return [(title, options, any(each.data["selected"] for each in options)) for title, options in found]


@register.inclusion_tag("connections/parts/of_service.html", takes_context=True)
def connections_of(context: dict[str, Any], service: Service) -> dict[str, Any]:
    """The connections that use a service, as far as the person may see them."""
    actor = from_request(context["request"])
    found = access.visible(actor).filter(auth__service=service)
    return {"service": service, "rows": rows.of(found, actor), "user": actor.user}
