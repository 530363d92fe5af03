"""Bodies of the API: JSON in UTF-8 (RFC 8259), and no deeper than anybody needs."""

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from outbound import json_text
from problems import ValidationFailed


class JsonParser(Parser):
    """For ``NinjaAPI(parser=…)``; what it raises is ``handlers``' to tell."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value. Raises ValueError for what is not JSON, ValidationFailed for what is too deep."""
        return read(request.body)


def read(data: bytes) -> Any:
    """The value, alike."""
    text = data.decode("utf-8-sig")
    if "\x00" in text:  # no JSON in UTF-8 holds one, and every one in UTF-16 or UTF-32 does
        raise json_text.NotJson
    try:
        return json_text.read(text.encode())
    except json_text.TooDeep:
        message = f"This nests arrays and objects more than {json_text.DEEPEST} deep."
        raise ValidationFailed.of("body", message) from None
