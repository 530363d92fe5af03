"""What can go wrong with a call. Each has its code in the contract's table.

What goes wrong with tokens, connections and grants is told by ``connections.errors``, what goes wrong on
the way out by ``outbound.errors``.
"""

from problems import InvalidInput, NotAllowed, Throttled, Unavailable


class MethodNotAllowed(NotAllowed):
    """The connection is narrowed to other methods."""

    code = "method_not_allowed"
    message = "This connection does not allow that method."
    hint = "Use one of the methods named, or ask the connection's owner to allow this one."


class PathNotAllowed(NotAllowed):
    """The connection is narrowed to other paths."""

    code = "path_not_allowed"
    message = "This connection does not allow that path."
    hint = "Use a path below those that its page lists, or ask the connection's owner."


class PayloadTooLarge(InvalidInput):
    """The caller's body is over the cap, or over the one for bodies that are taken apart here."""

    code = "payload_too_large"
    status = 413
    message = "The request's body is larger than this server takes."
    hint = "Send less at once, or ask the administrator to raise CALL_MAX_REQUEST_MB."


class UnsupportedTask(InvalidInput):
    """The task is in a form that is not understood here."""

    code = "invalid_request"
    status = 415
    message = "A task is sent as application/json."
    hint = "Send the task as JSON with `Content-Type: application/json`."


class TooManyCalls(Throttled):
    """As many calls as allowed are in flight."""

    message = "Too many calls are under way for this token or connection."
    hint = "Wait for some of them to end, then try again."
    retry_after_s = 1


class TooManyTests(Throttled):
    """As many tests as allowed are under way."""

    message = "Too many tests are under way, of this connection or by you."
    hint = "Wait for some of them to end, then try again."
    retry_after_s = 5


class TooMuchAtOnce(Unavailable):
    """More that is long waits to be read or signed than the server keeps."""

    message = "This server has as many long bodies to read as it can keep."
    hint = "Try again when `Retry-After` has passed."
    retry_after_s = 1


class ServerBusy(Unavailable):
    """As many requests as a process takes are under way."""

    message = "This server is answering as many requests as it can."
    hint = "Try again when `Retry-After` has passed; the administrator can raise WEB_WORKERS."
    retry_after_s = 1


class DatabaseUnavailable(Unavailable):
    """Ours is away; nothing was sent."""

    code = "database_unavailable"
    message = "The database is away for the moment; nothing was sent to the service."
    hint = "Try again when `Retry-After` has passed."
    retry_after_s = 2


class ServerStopped(Unavailable):
    """The server was told to stop before the call was over."""

    message = "This server stopped before the call was over."


class ClientGone(InvalidInput):
    """The caller hung up before the answer was whole. Nobody reads this; the call's record says so."""

    code = "client_disconnected"
    status = 499
    message = "The caller hung up before the answer was whole."
