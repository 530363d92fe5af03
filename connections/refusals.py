"""An error that the service sent back instead of a code, told in words of ours (RFC 6749 4.1.2.1)."""

from collections.abc import Iterable, Mapping

from connections.errors import ProviderRefused
from services.auth_types.text import trimmed
from vault import Secret, blank

_DENIED = "The authorisation was refused at the service. Nothing was changed."
_SETUP = "Compare the app’s settings at the service with the service’s page here, then start again."
_LATER = "Start again in a while."
_OTHER = ("The service ended the authorisation with an error.", "Start again from the connection’s page.")
# error → what happened, what to do
SENTENCES = {
    "access_denied": (_DENIED, "If that was not meant, connect again and allow it."),
    "consent_required": (_DENIED, "Connect again and give your consent."),
    "interaction_required": ("The service needs you to sign in there.", "Sign in there, and connect again."),
    "login_required": ("The service needs you to sign in there.", "Sign in there, and connect again."),
    "invalid_scope": (
        "The service does not give one of the scopes that were asked.",
        "Change the scopes.",
    ),
    "invalid_request": ("The service did not accept how we asked.", _SETUP),
    "unauthorized_client": ("The service does not let this app ask for authorisation.", _SETUP),
    "unsupported_response_type": ("The service does not do authorisation codes for this app.", _SETUP),
    "redirect_uri_mismatch": ("The callback URL is not registered with the service.", _SETUP),
    "server_error": ("The service had a problem of its own.", _LATER),
    "temporarily_unavailable": ("The service is not taking authorisations for now.", _LATER),
}


def check(params: Mapping[str, str], secrets: Iterable[Secret]) -> None:
    """Raises ProviderRefused where the answer is an error; its own text goes along, trimmed, as text, and
    without the secrets of the round trip."""
    if "error" not in params:
        return
    said = trimmed(blank(params.get("error_description", ""), secrets))
    message, hint = SENTENCES.get(params["error"], _OTHER)
    raise ProviderRefused(message, hint=hint, provider_says=said)
