"""What can go wrong on the way out.

A name that does not exist, a port that is closed and a peer that hangs up read the same: whoever may
call should not learn from us what a network looks like.
"""

from problems import InvalidInput, Misconfigured, NotAllowed, UpstreamFailed


class BadAddress(ValueError):
    """A URL or host that a service may not name. Its text is a sentence for the field it was typed in."""


class HostNotAllowed(NotAllowed):
    """The address is none of the service's hosts."""

    code = "host_not_allowed"
    message = "That address is not one of the service's allowed hosts."
    hint = "Call a path below the service's base URL, or have the host added to the service's allowed hosts."


class AddressNotAllowed(NotAllowed):
    """The host stands for a network address that calls may not reach."""

    code = "address_not_allowed"
    message = "That host leads to a network address that calls may not reach."
    hint = (
        "Public addresses are reached over https. For a private network, the administrator adds it to "
        "EGRESS_ALLOW; addresses of cloud metadata are never reached."
    )


class UpstreamUnreachable(UpstreamFailed):
    """No connection, or one that broke before an answer."""

    code = "upstream_unreachable"
    status = 502
    message = "The service could not be reached."
    hint = "Check the service's base URL, and that the service is up and has a valid certificate."


class UpstreamTimeout(UpstreamFailed):
    """The deadline passed, wherever it was spent."""

    code = "upstream_timeout"
    status = 504
    message = "The service did not finish its answer in time."
    hint = "Try again later, or ask for less at once; the administrator can raise CALL_TIMEOUT_S."


class ResponseTooLarge(UpstreamFailed):
    """The answer is larger than the cap."""

    code = "response_too_large"
    status = 502
    message = "The service's answer is larger than this server passes on."
    hint = "Ask the service for less at once, or have the administrator raise CALL_MAX_RESPONSE_MB."


class UpstreamInvalid(UpstreamFailed):
    """What came back is not an HTTP answer that can be passed on."""

    code = "upstream_invalid"
    status = 502
    message = "The service's answer was not valid HTTP, or broke off."
    hint = "Try again; if it stays, tell whoever runs the service."


class UnsendableRequest(InvalidInput):
    """A method, target or header that HTTP cannot carry. The text says which part, and quotes no value."""

    code = "invalid_request"
    status = 400
    message = "The request holds something that HTTP cannot carry."
    hint = "Take control characters and line breaks out of the part that is named, or percent-encode them."


class BadCaFile(Misconfigured):
    """EGRESS_CA_FILE is not a file of certificates."""

    code = "bad_ca_file"
    message = "EGRESS_CA_FILE cannot be used."
    hint = "Set EGRESS_CA_FILE to a readable PEM file of CA certificates, or leave it out."
