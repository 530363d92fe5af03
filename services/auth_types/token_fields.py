"""Where a token answer holds its members: at the top (RFC 6749 5.1), or where a service puts them."""

from collections.abc import Mapping
from typing import Any

from services.auth_types.documents import value_at


def member(config: Mapping[str, Any], document: Mapping[str, Any], name: str) -> Any:
    """A member of the answer; where its nested place is empty, the one at the top."""
    found = value_at(document, place_of(config, name))
    return document.get(name) if found is None or found == "" else found


def place_of(config: Mapping[str, Any], name: str) -> str:
    """Its dotted path: as the service says, else beside the access token."""
    said = config["token_fields"].get(name)
    if said:
        return str(said)
    token = config["token_fields"]["access_token"] or config["token_path"]
    if name == "access_token":
        return str(token)
    parents, dot, _ = token.rpartition(".")
    return f"{parents}{dot}{name}"
