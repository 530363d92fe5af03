"""The families of errors. A family says who acts; its leaf classes live with the code that raises them."""

from http import HTTPStatus
from typing import Any, ClassVar, Self

CONTENT_TYPE = "application/problem+json"
HELP_PAGE = "/docs/errors/"


class AppError(Exception):
    """An error with words for a person: what happened, and the next step.

    ``extra`` becomes further members of the problem (RFC 9457 3.2): ``authorize_url``, ``errors``,
    ``connections``, ``retry_after`` (whole seconds). Never a secret, never an upstream's body.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: str = "Something went wrong on our side."
    hint: str = "Try again; if it stays, tell the administrator what you did and when."
    retry_after_s: ClassVar[int | None] = None  # where it is always the same

    def __init__(self, message: str = "", *, hint: str = "", **extra: Any) -> None:
        self.message = message or type(self).message
        self.hint = hint or type(self).hint
        if self.retry_after_s is not None:
            extra.setdefault("retry_after", self.retry_after_s)
        self.extra: dict[str, Any] = extra
        super().__init__(self.message)

    def as_problem(self) -> dict[str, Any]:
        """The members of the problem document: type, title, status, detail, code, hint and the extras."""
        return {
            "type": f"{HELP_PAGE}#{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.message,
            "code": self.code,
            "hint": self.hint,
            **self.extra,
        }

    def headers(self) -> dict[str, str]:
        """Headers that go with the answer: ``Retry-After`` in whole seconds (RFC 9110 10.2.3)."""
        retry_after = self.extra.get("retry_after")
        return {} if retry_after is None else {"Retry-After": str(max(1, int(retry_after)))}


class InvalidInput(AppError):
    """The caller's request is not one we can act on (400, 413, 422)."""

    code = "invalid_request"
    status = 400
    message = "The request is malformed."
    hint = "Correct the part that is named and send it again."


class ValidationFailed(InvalidInput):
    """One or more fields are wrong; ``errors`` holds ``{"field", "message"}`` for each."""

    code = "validation_failed"
    status = 422
    message = "Some fields need another look."
    hint = "See `errors`: each entry names a field and says what it takes."

    def __init__(self, errors: list[dict[str, str]], message: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint, errors=errors)

    @property
    def errors(self) -> list[dict[str, str]]:
        """``[{"field": dotted name, "message": a sentence}]``."""
        return list(self.extra["errors"])

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        """A failure of a single field."""
        return cls([{"field": field, "message": message}])


class NotAllowed(AppError):
    """A rule of ours forbids it (403)."""

    code = "not_allowed"
    status = 403
    message = "You may not do this."
    hint = "Ask an administrator, or the person who made it."


class ConfirmationRequired(NotAllowed):
    """The act needs a fresh sign-in, or the link name typed in ``confirm`` (403)."""

    code = "confirmation_required"
    message = "This needs your confirmation."
    hint = "Sign in again, or send the link name in `confirm`."


class NotFound(AppError):
    """Absent, or not the asker's: one answer for both (404)."""

    code = "not_found"
    status = 404
    message = "There is nothing here, or it is not yours to see."
    hint = "Check the address; ask its owner to share it with you."


class Conflict(AppError):
    """A name is taken or a thing is in use (409)."""

    code = "conflict"
    status = 409
    message = "That is taken already."
    hint = "Choose another name."


class ReconnectNeeded(AppError):
    """A person must authorise (409)."""

    code = "authorization_required"
    status = 409
    message = "This connection is waiting for somebody's authorisation."
    hint = "Open its page and connect it."


class FlowFailed(AppError):
    """The OAuth round trip came to nothing; nothing was stored (400)."""

    code = "authorization_failed"
    status = 400
    message = "The authorisation did not complete, and nothing was stored."
    hint = "Start again from the connection's page."


class Throttled(AppError):
    """Too much, too fast (429)."""

    code = "rate_limited"
    status = 429
    message = "Too many requests at once."
    hint = "Wait as long as `Retry-After` says, then try again."


class UpstreamFailed(AppError):
    """The service gave no usable answer (502, 504)."""

    code = "upstream_unreachable"
    status = 502
    message = "The service could not be reached."
    hint = "Check that the service is up, then try again."


class Unavailable(AppError):
    """Something of ours is away for now (503)."""

    code = "unavailable"
    status = 503
    message = "This is not available for the moment."
    hint = "Try again in a moment."


class Misconfigured(AppError):
    """The operator has to act (500)."""

    code = "misconfigured"
    status = 500
    message = "Switchboard is not set up for this."
    hint = "Ask the person who runs it to look at its log."
