"""What can go wrong between us and a service's own endpoints."""

from problems import Conflict, FlowFailed, InvalidInput, ReconnectNeeded, Unavailable

RETRY_AFTER_S = 30  # where the endpoint does not say


class TokenAnswerRefused(FlowFailed):
    """A token endpoint refused us, or its answer is not one to keep. Nothing of it was."""

    message = "The service’s answer to our token request could not be used, and nothing was stored."
    hint = "Check the token URL, the client ID and the client secret on the service’s page, then start again."


class IssuerMismatch(FlowFailed):
    """The callback does not come from the issuer that the service names (RFC 9207)."""

    message = "This answer does not come from the service that was asked, so it was refused."
    hint = "Start again from the connection’s page. If it happens again, compare the service’s issuer."


class CallbackIncomplete(FlowFailed):
    """The callback lacks what finishes the round trip."""

    message = "The service sent you back without a code, so nothing could be finished."


class ConsentRefused(FlowFailed):
    """The person said no at the service."""

    message = "The authorisation was refused at the service. Nothing was changed."
    hint = "If that was not meant, connect again and allow it."


class GrantDead(ReconnectNeeded):
    """The service says that the grant is over: only a person can make a new one."""

    def __init__(self, error: str, description: str = "") -> None:
        told = f" It says: {description}" if description else ""
        super().__init__(f"The service no longer accepts this authorisation ({error}).{told}")


class ClientRefused(Conflict):
    """The service refuses the app itself (RFC 6749 5.2, ``invalid_client``)."""

    code = "client_refused"
    message = "The service refuses the app that is registered with it (invalid_client)."
    hint = (
        "An administrator, or who made the service, corrects its client ID and secret on the service’s page."
    )

    @classmethod
    def saying(cls, description: str) -> "ClientRefused":
        """With the service's own words, where it has some."""
        return cls(f"{cls.message} It says: {description}" if description else "")


class EndpointUnavailable(Unavailable):
    """The token endpoint is what failed: overloaded or broken. What we hold stays as it is."""

    code = "refresh_unavailable"
    message = "The service’s token endpoint is not answering properly for now."
    hint = "Try again after as many seconds as `Retry-After` says."

    def __init__(self, retry_after: int | None = None, message: str = "") -> None:
        self.retry_after = RETRY_AFTER_S if retry_after is None else retry_after
        super().__init__(message, retry_after=self.retry_after)


class CannotSign(InvalidInput):
    """This request cannot carry this credential."""

    message = "This request cannot be signed."
