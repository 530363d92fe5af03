"""The API's own description (OpenAPI 3.1): whatever an operation may answer, said in one place.

Which errors every operation can meet follows from what it takes; those of one operation alone stand at it,
``openapi_extra=may_fail(LinkNameTaken)``, and their words are the classes' own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from pydantic.json_schema import models_json_schema

import problems
from api.handlers import BodyTooLarge, DatabaseUnavailable, Unauthenticated
from api.schemas import InvalidFields, Problem
from problems.families import CONTENT_TYPE

Failure = problems.AppError | type[problems.AppError]

REF = "#/components/schemas/"
SAFE = frozenset({"get", "head"})
_OWN = "x-failures"
_STORABLE = r"^[^\x00]*$"
_PRECONDITIONS: tuple[Failure, ...] = (
    problems.InvalidInput,
    Unauthenticated,
    problems.NotAllowed,
    problems.Throttled(retry_after=60),
    DatabaseUnavailable,
    problems.Unavailable("This server is answering as many requests as it can.", retry_after=5),
)
_HEADERS = {
    401: {
        "WWW-Authenticate": {
            "description": "The challenge (RFC 6750 3), where a token was asked for.",
            "schema": {"type": "string"},
        }
    },
    429: {"Retry-After": {"description": "Whole seconds to wait.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Whole seconds to wait.", "schema": {"type": "integer"}}},
}
_TITLES = {200: "What was asked for.", 201: "It is made.", 204: "Done; there is nothing to tell."}


def may_fail(*failures: Failure) -> dict[str, Any]:
    """The errors of one operation alone, for its ``openapi_extra``; an instance shows its extras."""
    return {_OWN: failures}


class DescribedAPI(NinjaAPI):
    """An API whose description has every error, who may ask, and texts as they can be sent.

    ``refusals``: further errors that every operation can meet.
    """

    def __init__(self, *, refusals: Sequence[Failure] = (), **options: Any) -> None:
        super().__init__(**options)
        self.refusals = tuple(refusals)
        self._schemas: dict[str, OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """The same for everybody, and so made once. Not to be written to."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._schemas:
            self._schemas[prefix] = self._describe(prefix)
        return self._schemas[prefix]

    def _describe(self, path_prefix: str) -> OpenAPISchema:
        schema = super().get_openapi_schema(path_prefix=path_prefix)
        for methods in schema["paths"].values():
            for method, operation in methods.items():
                self._complete(method, operation)
        _, shared = models_json_schema(
            [(Problem, "serialization"), (InvalidFields, "serialization")], ref_template=f"{REF}{{model}}"
        )
        schema["components"]["schemas"] |= shared["$defs"]
        schema["components"]["securitySchemes"] = _security_schemes()
        return schema

    def _complete(self, method: str, operation: dict[str, Any]) -> None:
        own = operation.pop(_OWN, ())
        for parameter in operation["parameters"]:
            parameter["schema"] = _as_sent(parameter["schema"])
        session: dict[str, list[str]] = {"session": []} if method in SAFE else {"session": [], "csrf": []}
        operation["security"] = [{"token": []}, session]
        for status, answer in operation["responses"].items():
            answer["description"] = _TITLES.get(status, answer["description"])
        failures = [*_PRECONDITIONS, *self.refusals, *_following(operation), *own]
        operation["responses"] |= _answers(failures)


def _following(operation: Mapping[str, Any]) -> Iterator[Failure]:
    """The errors that what an operation takes brings along."""
    places = {parameter["in"] for parameter in operation["parameters"]}
    if "path" in places:
        yield problems.NotFound
    if "requestBody" in operation:
        yield problems.InvalidInput("The body is not JSON.")
        yield BodyTooLarge
    if "query" in places or "requestBody" in operation:
        yield problems.ValidationFailed.of("name", "This field is required.")


def _answers(failures: Sequence[Failure]) -> dict[int, dict[str, Any]]:
    """An answer for each status, with all that it may mean."""
    by_status: dict[int, list[problems.AppError]] = {}
    for failure in failures:
        error = failure if isinstance(failure, problems.AppError) else failure()
        by_status.setdefault(error.status, []).append(error)
    return {status: _answer(status, by_status[status]) for status in sorted(by_status)}


def _answer(status: int, errors: Sequence[problems.AppError]) -> dict[str, Any]:
    codes = sorted({error.code for error in errors})
    model = InvalidFields if any("errors" in error.extra for error in errors) else Problem
    means = dict.fromkeys(f"`{error.code}`: {error.message}" for error in errors)
    described: dict[str, Any] = {
        "description": "\n\n".join(means),
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": f"{REF}{model.__name__}"},
                        {"properties": {"status": {"const": status}, "code": {"enum": codes}}},
                    ]
                },
                "examples": _examples(errors),
            }
        },
    }
    return described | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _examples(errors: Sequence[problems.AppError]) -> dict[str, dict[str, Any]]:
    """The problem documents themselves; two of one code are told apart by a number."""
    shown: dict[str, dict[str, Any]] = {}
    for error in errors:
        example = {"summary": error.message, "value": error.as_problem()}
        if example in shown.values():
            continue
        place = sum(name.partition("-")[0] == error.code for name in shown)
        shown[f"{error.code}-{place + 1}" if place else error.code] = example
    return shown


def _as_sent(shape: dict[str, Any]) -> dict[str, Any]:
    """A parameter's shape: an address holds no null but leaves the parameter out, and no text holds NUL."""
    options = [option for option in shape.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        shape = {key: part for key, part in shape.items() if key != "anyOf"} | options[0]
    is_free = shape.get("type") == "string" and not shape.keys() & {"pattern", "format", "enum"}
    return shape | {"pattern": _STORABLE} if is_free else shape


def _security_schemes() -> dict[str, dict[str, Any]]:
    return {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "swb_…",
            "description": "An API token that has the scope `manage`.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A signed-in browser; without an `Authorization` header.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "With a session, for whatever changes something.",
        },
    }
