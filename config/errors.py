"""What can be wrong with a request before anybody looks at what it asks for."""

from problems import InvalidInput, Unavailable


class NotHttp(InvalidInput):
    """Not to be read, or to be read in two ways (400)."""

    message = (
        "This is not HTTP/1.1 as this server takes it: an unknown method, a malformed header, or a body "
        "whose end can be read in two ways."
    )


class HeadTooLarge(InvalidInput):
    """The request line and the headers, or a body's trailers, are over the bound (431)."""

    code = "head_too_large"
    status = 431
    message = "The request's address and headers are larger than this server takes (64 KiB)."
    hint = "Send shorter headers, or put what is long into the body."


class RequestTimeout(InvalidInput):
    """Whoever calls keeps us waiting (408)."""

    code = "request_timeout"
    status = 408
    message = "The request did not come within the time that this server waits."
    hint = "Send it again, at once; look at the network in between if it stays."


class TooManyConnections(Unavailable):
    """One address holds as many connections open as a process allows it (503)."""

    message = "Your address has as many connections open as this server allows."
    hint = (
        "Close some of them. Where it is a proxy's address, the administrator sets TRUSTED_PROXY_COUNT; "
        "else they can raise MAX_CONNECTIONS_PER_ADDRESS."
    )
    retry_after_s = 1
