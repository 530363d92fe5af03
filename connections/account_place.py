"""Where the account that came back is at home, where its service has several places and names the one.

A code is redeemed, and a token works, only in the account's own data centre.
"""

from collections.abc import Mapping

from connections.errors import AccountElsewhere
from connections.models import Connection


def require_same(connection: Connection, params: Mapping[str, str]) -> None:
    """Raises AccountElsewhere where a callback names another choice than the connection's.

    A value that the service's definition does not know says nothing.
    """
    for variable in connection.auth.service.variables:
        present = connection.variables.get(variable["name"])
        for parameter, choices in variable.get("callback", {}).items():
            choice = choices.get(params.get(parameter, ""))
            if choice is not None and choice != present:
                label = variable.get("label") or variable["name"]
                raise AccountElsewhere(
                    f"{label}: your account is at {choice}, and this connection is set to {present}."
                    " Nothing was stored.",
                    variable=variable["name"],
                    choice=choice,
                )
