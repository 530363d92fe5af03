"""Variables that nobody is asked for: the service tells them when somebody authorises, and perhaps later."""

from collections.abc import Mapping
from typing import Any

from services import auth_types
from services.auth_types.base import CALLBACK, TOKEN
from services.models import ServiceAuth
from services.target import names_of

Variable = Mapping[str, Any]


def source_of(variable: Variable) -> str:
    """``callback`` or ``token``; empty where a person enters it."""
    return str(variable.get("from") or "").partition(".")[0]


def place_of(variable: Variable) -> str:
    """The callback's parameter, or the dotted path in the token answer."""
    return str(variable.get("from") or "").partition(".")[2]


def by_source(auth: ServiceAuth, source: str) -> list[Variable]:
    """The variables that a source fills, for who authorises this way."""
    return [variable for variable in _unasked(auth) if source_of(variable) == source]


def asked_of(auth: ServiceAuth) -> list[Variable]:
    """The variables that a person fills in: all the others, and all of them where nobody is sent to the
    service."""
    unasked = _unasked(auth)
    return [variable for variable in auth.service.variables if variable not in unasked]


def later_names(auth: ServiceAuth) -> frozenset[str]:
    """The placeholders that have no value before somebody authorises."""
    return frozenset().union(*(names_of(variable) for variable in _unasked(auth)))


def facts_of(auth: ServiceAuth) -> tuple[str, ...]:
    """What is looked for in a token answer."""
    return tuple(place_of(variable) for variable in by_source(auth, TOKEN))


def callback_names(auth: ServiceAuth) -> frozenset[str]:
    """The callback's parameters that fill variables."""
    return frozenset(place_of(variable) for variable in by_source(auth, CALLBACK))


def _unasked(auth: ServiceAuth) -> list[Variable]:
    sources = auth_types.get(auth.auth_type).sources(auth.config)
    return [variable for variable in auth.service.variables if source_of(variable) in sources]
