"""The parameters of a header's value (RFC 9110 5.6.6). Pure."""

import re

_PARAMETER = re.compile(
    r";[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]*))"
)
_LOOKED_AT = 8 * 1024  # characters
_ESCAPED = re.compile(r'\\(["\\])')  # and no other: paths of Windows stand in file names as they are
_BOUNDARY = re.compile(r'[^"\\]{1,70}')  # RFC 2046 5.1.1; readers differ about quotes in quotes


def parameters(value: str) -> dict[str, str]:
    """Its parameters by their names in lower case, the first of each.

    What stands beyond the first 8 KiB is not looked at.
    """
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value[:_LOOKED_AT]):
        found.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) or plain)
    return found


def boundary_of(content_type: str) -> str:
    """The boundary that a multipart type names; empty where it names none that may be one."""
    boundary = parameters(content_type).get("boundary", "")
    return boundary if _BOUNDARY.fullmatch(boundary) else ""
