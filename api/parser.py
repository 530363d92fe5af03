"""Bodies of the API: JSON in UTF-8 (RFC 8259), and no deeper than anybody needs."""

import json
import re
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from problems import ValidationFailed

DEEPEST = 100  # arrays and objects in each other
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)  # an unfinished string ends with the text


class JsonParser(Parser):
    """For ``NinjaAPI(parser=…)``; what it raises is ``handlers``' to tell."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value. Raises ValueError for what is not JSON, ValidationFailed for what is too deep."""
        return read(request.body)


def read(data: bytes) -> Any:
    """The value. Its depth is checked first, and without recursion, since reading it would recurse."""
    text = data.decode("utf-8-sig")
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(text)
    return json.loads(text, parse_constant=_refuse)


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in {"[", "{"}:
            depth += 1
        elif sign in {"]", "}"}:
            depth -= 1
        if depth > DEEPEST:
            raise ValidationFailed.of("body", f"This nests arrays and objects more than {DEEPEST} deep.")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are not JSON
