"""What can go wrong with connections, their grants and API tokens."""

from collections.abc import Mapping
from typing import Any

from problems import (
    ConfirmationRequired,
    Conflict,
    FlowFailed,
    NotAllowed,
    NotFound,
    ReconnectNeeded,
    Unavailable,
)


class ConnectionNotFound(NotFound):
    """Absent, or not the asker's: one answer for both."""

    code = "connection_not_found"
    message = "There is no connection of that link name, or it is not yours to see."
    hint = "Check the link name on the Connections page, or ask its owner to share it with you."


class NotYourConnection(NotAllowed):
    message = "Only the person who made this connection, or an administrator, can change it."


class NotForYou(NotAllowed):
    message = "This connection runs on its owner’s account; only they, or an administrator, can connect it."


class NoBuilder(NotAllowed):
    message = "Creating connections is for builders and administrators."
    hint = "Ask an administrator for the role of a builder."


class LinkNameTaken(Conflict):
    message = "Another connection has this link name already."


class LinkNameRetired(Conflict):
    message = "This link name belonged to a deleted connection, and is not given out to anybody else."


class ConnectionDisabled(Conflict):
    code = "connection_disabled"
    message = "This connection is switched off."
    hint = "Its owner or an administrator can switch it on again on its page."


class ClientMissing(Conflict):
    """No app is registered with the service yet."""

    message = "This service has no OAuth app yet, so nobody can be sent there."
    hint = "An administrator, or who made the service, enters its client ID and secret on the service’s page."


class NothingToEnter(Conflict):
    message = "This connection takes no credentials: it is authorised at the service."
    hint = "Connect it without `credentials` and open the `authorize_url` of the answer."


class ServiceInUse(Conflict):
    """``connections`` lists the link names that stand in the way, as far as the asker may see them."""

    code = "service_in_use"
    message = "Connections use this service."
    hint = "Delete these connections first, or leave the service as it is."
    others = "Connections of other people use it, too: ask an administrator, or leave the service as it is."


class RetargetUnconfirmed(ConfirmationRequired):
    message = "This changes where the credentials of existing connections would go, so it ends them."
    hint = "Send the service’s link name in `confirm` to go on; everybody then connects again."


class WideningUnconfirmed(ConfirmationRequired):
    """``added``: where they could go besides."""

    message = (
        "This lets the credentials of existing connections go to further places; nobody has to connect again."
    )
    message_for_others = (
        "This lets the credentials of existing connections go to further places, so it ends what other people"
        " authorised. An administrator can make this change without that."
    )
    hint = "Send the service’s link name in `confirm` to go on."


class DeleteUnconfirmed(ConfirmationRequired):
    message = "The link name that was typed is not this connection’s."
    hint = "Type the connection’s link name to delete it."


class AuthorizationRequired(ReconnectNeeded):
    """Nobody, or not this person, has authorised, or the grant is over."""


class RefreshUnavailable(Unavailable):
    """The token endpoint is what failed, its deadline included."""

    code = "refresh_unavailable"
    message = "The service’s token endpoint does not answer, so the access token could not be refreshed."
    hint = "Try again when `Retry-After` has passed."


# --- The round trip -------------------------------------------------------------------------------
class StateUnknown(FlowFailed):
    """Missing, replayed, another session's, or never ours: one text for all."""

    message = "This answer does not belong to an authorisation that you started here, so it was refused."
    hint = "Start again from the connection’s page, in the same browser, and do not reload the last page."


class StateExpired(FlowFailed):
    message = "The authorisation took longer than ten minutes, so it was dropped."


class WrongPersonReturned(FlowFailed):
    message = "Somebody else started this authorisation, so it was refused and nothing was stored."
    hint = "Sign in as the person who started it, and start again."


class WrongServiceReturned(FlowFailed):
    message = "This answer came back at another service’s address, so it was refused."


class AccountElsewhere(FlowFailed):
    """The account is in another of the service's places than the connection says. ``variable`` is to become
    ``choice``."""

    message = "Your account is in another place than this connection is set to, so nothing was stored."
    hint = "Set the connection to where the account is, or authorise with an account that is where it says."


class ParameterRepeated(FlowFailed):
    message = "The service sent the same parameter twice, so its answer was refused."


class FlowOvertaken(FlowFailed):
    message = "The connection was changed while you were at the service, so this authorisation was dropped."


class VariableRefused(FlowFailed):
    """What the service should have told of the authorisation, it did not, or not in its form."""

    hint = "Start again. If it happens again, compare the variable on the service’s page with what it sends."

    @classmethod
    def missing(cls, variable: Mapping[str, Any]) -> "VariableRefused":
        """It said nothing there."""
        return cls(f"The service did not say its {_named(variable)}, so nothing was stored.")

    @classmethod
    def unfit(cls, variable: Mapping[str, Any]) -> "VariableRefused":
        """It said what cannot be used; what it was is left out, since nobody knows what that may be."""
        return cls(f"The {_named(variable)} that the service told cannot be used, so nothing was stored.")


def _named(variable: Mapping[str, Any]) -> str:
    return f"{variable.get('label') or variable['name']} ({variable['from']})"


class ConnectionDeleted(FlowFailed):
    message = "The connection was deleted while you were at the service, so nothing was stored."
    hint = "Create it again if it is still wanted; the service may list the access that you just gave."


class ProviderRefused(FlowFailed):
    """The service sent an error back; ``provider_says`` is its own description, trimmed."""


class ServiceUnreachable(FlowFailed):
    """The service's own endpoint could not be asked."""

    message = "The service did not answer properly, so nothing was stored."
    hint = "Start again in a moment; if it stays, check the addresses on the service’s page."


class EndpointBusy(Unavailable):
    """As many people as may wait for services to answer are waiting (503)."""

    message = "Many people are waiting for services to answer; nothing was done and nothing used up."
    hint = "Try again in a moment: reload the page, or send the same once more."
    retry_after_s = 5


class LinkSpent(FlowFailed):
    """An authorisation link that was used, or whose time is over (410)."""

    code = "link_spent"
    status = 410
    message = "This link was used already, or its time is over."
    hint = "Start again from the connection’s page, or ask for a new link."


class LinkNotYours(NotAllowed):
    message = "This link is meant for somebody else."
    hint = "Sign in as the person it was made for."


# --- API tokens -----------------------------------------------------------------------------------
class Unauthenticated(NotAllowed):
    """No token, or one that is unknown, expired or revoked: one text for all (401)."""

    code = "unauthenticated"
    status = 401
    message = "The API token is missing or not valid."
    hint = "Send `Authorization: Bearer swb_…` with a token from the API tokens page."

    def headers(self) -> dict[str, str]:
        """With the challenge that a 401 must carry (RFC 9110 15.5.2, RFC 6750 3)."""
        return {**super().headers(), "WWW-Authenticate": 'Bearer realm="Switchboard"'}


class TokenNotAllowed(NotAllowed):
    code = "token_not_allowed"
    message = "This API token may not do this."
    hint = "Use a token whose scopes, connections and methods take this in, or make one at API tokens."


class CsrfFailed(NotAllowed):
    message = "This request does not prove that it comes from our own pages."
    hint = "Send the CSRF token in `X-CSRFToken`, or use an API token in `Authorization: Bearer`."


class TokenNotFound(NotFound):
    message = "There is no such API token, or it is not yours."


class ActingForOthers(NotAllowed):
    message = "Only administrators make tokens that act for other people."
    hint = "Leave `act_for` out, or ask an administrator to make the token."
