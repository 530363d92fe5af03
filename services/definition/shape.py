"""The contract's custom service as it is written, apart from its authentication types."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic import Field as Declared

from services.auth_types.base import Config

LINK_NAME = r"^[a-z][a-z0-9_]{0,49}$"
LINK_NAME_PATTERN = re.compile(LINK_NAME)
SOURCE = r"^(callback\.[^\s{}]+|token\.[^.\s{}]+(\.[^.\s{}]+){0,5})?$"
PAGES_OWN = frozenset({"new"})  # /services/new/ is a page

Name = Annotated[str, StringConstraints(min_length=1, max_length=50)]
LinkName = Annotated[str, StringConstraints(pattern=LINK_NAME)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Short = Annotated[str, StringConstraints(max_length=300)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Value = Annotated[str, StringConstraints(max_length=2000)]
Pairs = Annotated[dict[Key, Value], Declared(max_length=50)]


class Variable(Config):
    """A value that differs from connection to connection: a data centre, a subdomain.

    ``follow``: further placeholders whose value goes with the choice, ``{"api": {"eu": "zohoapis.eu"}}``.
    ``callback``: what names the account's choice when it comes back, ``{"location": {"eu": "zoho.eu"}}``.
    ``from``: what tells it when somebody authorises, ``callback.realmId`` or ``token.instance_url``.
    """

    name: LinkName
    label: Short = ""
    choices: Annotated[list[Key], Declared(max_length=100)] = Declared(default_factory=list)
    follow: Annotated[dict[LinkName, dict[Key, Value]], Declared(max_length=10)] = Declared(
        default_factory=dict
    )
    callback: Annotated[dict[Key, dict[Key, Key]], Declared(max_length=10)] = Declared(default_factory=dict)
    pattern: Annotated[str, StringConstraints(max_length=200)] = ""
    example: Short = ""
    hint: Short = ""
    source: Annotated[str, StringConstraints(pattern=SOURCE, max_length=200)] = Declared("", alias="from")


class Test(Config):
    """The request that proves a credential."""

    method: Literal["GET", "HEAD", "POST", "OPTIONS"] = "GET"
    path: Url


class Identity(Config):
    """The request that tells whose credential it is; ``id`` and ``label`` are dotted paths in its answer."""

    path: Url
    id: Short = ""
    label: Short = ""


class Nothing(Config):
    """``{}``: no such request."""


def _is_no_page(link_name: str) -> str:
    if link_name in PAGES_OWN:
        raise ValueError("This is the address of one of our pages; choose another link name.")
    return link_name


class ServiceShape(Config):
    name: Name
    link_name: Annotated[LinkName, AfterValidator(_is_no_page)]
    base_url: Url
    hosts: Annotated[list[Key], Declared(max_length=50)] = Declared(default_factory=list)
    headers: Pairs = Declared(default_factory=dict)
    query: Pairs = Declared(default_factory=dict)
    default_headers: Pairs = Declared(default_factory=dict)
    default_query: Pairs = Declared(default_factory=dict)
    cookies: Literal["drop", "pass"] = "drop"
    variables: Annotated[list[Variable], Declared(max_length=20)] = Declared(default_factory=list)
    test: Test | None = None
    identity: Identity | None = None
