"""A grant's own variables: what the service told when somebody authorised, checked before it is used.

Nothing here reads the database: it is done with tokens in hand that are not stored yet.
"""

from collections.abc import Mapping

import structlog

from connections.errors import VariableRefused
from connections.models import Connection, Grant
from services import definition, sources, target
from services.auth_types.base import CALLBACK, TOKEN, Tokens
from services.models import ServiceAuth
from services.sources import Variable

log = structlog.get_logger(__name__)


def of(connection: Connection, grant: Grant | None) -> dict[str, str]:
    """Everything that fills in a connection's service: what was entered, and what its service told."""
    return connection.variables | (grant.variables if grant else {})


def of_callback(auth: ServiceAuth, params: Mapping[str, str]) -> dict[str, str]:
    """What the callback's parameters fill in. Raises VariableRefused."""
    return _all_of(auth, sources.by_source(auth, CALLBACK), params)


def of_tokens(auth: ServiceAuth, tokens: Tokens) -> dict[str, str]:
    """What the token answer fills in. Raises VariableRefused."""
    return _all_of(auth, sources.by_source(auth, TOKEN), tokens.facts)


def after_refresh(grant: Grant, tokens: Tokens) -> dict[str, str]:
    """What a grant has, with what the new answer says of it; what it says wrong changes nothing, for the
    tokens that came with it are good."""
    auth, held = grant.connection.auth, dict(grant.variables)
    for variable in sources.by_source(auth, TOKEN):
        if sources.place_of(variable) not in tokens.facts:
            continue
        try:
            held |= _one_of(auth, variable, tokens.facts)
        except VariableRefused:
            log.info("grant.variable_kept", connection=grant.connection.link_name, variable=variable["name"])
    return held


def _all_of(auth: ServiceAuth, variables: list[Variable], said: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable in variables:
        found |= _one_of(auth, variable, said)
    return found


def _one_of(auth: ServiceAuth, variable: Variable, said: Mapping[str, str]) -> dict[str, str]:
    text = said.get(sources.place_of(variable), "").strip()
    if not text:
        raise VariableRefused.missing(variable)
    is_host = variable["name"] in definition.host_variables_of(auth, auth.service)
    try:
        return target.values_of(variable, target.read_value(variable, text, is_host=is_host))
    except ValueError:
        raise VariableRefused.unfit(variable) from None
