"""Django's request, less what a stranger can do to it by naming codecs."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest

from outbound.parameters import boundary_of


class Request(ASGIRequest):
    """Text that comes to our pages is UTF-8, whatever charset a request names.

    Django would take any codec of Python's from the Content-Type: some decode no text, one needs quadratic
    time, and a parameter in an encoding of its own (RFC 2231) is decoded while the request is made, on the
    event loop.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        written = str(meta.get("CONTENT_TYPE", ""))
        if ";" in written:
            boundary = boundary_of(written)
            kind = written.partition(";")[0]
            meta["CONTENT_TYPE"] = f'{kind}; boundary="{boundary}"' if boundary else kind
        super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs leave it out
