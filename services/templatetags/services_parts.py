"""What the pages of services say in words of their own."""

from django import template
from django.conf import settings

from services.target import PUBLIC_URL

register = template.Library()


@register.filter
def with_our_address(text: str) -> str:
    """A built-in service's address, with our own filled in."""
    return str(text).replace(f"{{{PUBLIC_URL}}}", settings.PUBLIC_URL)
