"""From what was asked and what is known to the request that goes out. Pure, but for the clock of OAuth 1."""

from dataclasses import dataclass, field, replace
from functools import partial

from django.conf import settings

from invoke import bodies, headers, overrides, paths
from invoke.asks import FORM_METHODS, METHODS, Ask, Body, Pairs
from invoke.errors import PayloadTooLarge
from invoke.resolve import Plan, Row, client_of
from invoke.streams import Bound
from problems import InvalidInput
from services.auth_types.base import ParamType, Placement, Unsigned
from vault import Secret

NO_HOST_FOR_PATH_KEYS = (
    "The credential of this connection stands in the base URL's path, so it takes a path and no other host."
)
NO_SIGNED_FORM = (
    "The signature of this connection travels in an urlencoded form, and this request has none: "
    "send application/x-www-form-urlencoded with POST, PUT or PATCH."
)
_COST_OF_SIGNING = 16  # each field is decoded, encoded, sorted and encoded once more
FORM_TOO_LARGE = partial(
    PayloadTooLarge,
    f"A form that carries a credential or is signed has at most {bodies.FORM_BYTES // 2**20} MB.",
    hint="Send it in several requests.",
)
MULTIPART_TOO_LARGE = partial(
    PayloadTooLarge,
    f"A multipart body that carries a credential has at most {bodies.MULTIPART_BYTES // 2**20} MB.",
    hint="Send it in several requests.",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that passed the guard, without its credential. ``url`` has no query, and keeps ``{key}``."""

    ask: Ask
    plan: Plan
    url: str
    query: str
    headers: list[tuple[str, str]] = field(repr=False)

    @property
    def address(self) -> str:
        """The URL with a word for each ``{key}``: what the guard looks at."""
        url = self.url
        for key in self.plan.path_keys:
            url = url.replace(f"{{{key}}}", "key")
        return url


@dataclass(frozen=True, slots=True)
class Signed:
    """A request with its credential, ready to leave."""

    method: str
    url: str = field(repr=False)
    headers: Pairs = field(repr=False)
    body: Body = field(repr=False)


def draft(ask: Ask, plan: Plan, *, narrows_methods: bool) -> Draft:
    """What would be sent, less the credential. Raises InvalidInput for what no request may hold."""
    if ask.method not in METHODS:
        raise InvalidInput("This method is not one that can be passed on.")
    ask = paths.with_host(ask, plan.target.hosts)
    paths.check(ask.host, ask.path, ask.query)
    if ask.host and plan.path_keys:
        raise InvalidInput(NO_HOST_FOR_PATH_KEYS)
    target = plan.target
    own_cookies = _own_cookies() if target.passes_cookies else None
    kept = headers.of_caller(ask.headers, plan.reserved.headers, own_cookies=own_cookies)
    query = bodies.without(ask.query, plan.reserved.query)
    if narrows_methods:
        kept, query = overrides.remove_from_headers(kept), overrides.remove_from_query(query)
    if target.default_headers:
        kept += headers.lacking(kept, target.default_headers)
    kept += target.headers.items()
    kept.append(("Accept-Encoding", headers.accept_encoding(ask.headers)))
    if narrows_methods:
        kept = overrides.type_untyped(kept, ask.body)
    if target.default_query:
        query = bodies.joined(query, bodies.lacking(query, target.default_query))
    if target.query:
        query = bodies.joined(query, target.query.items())
    return Draft(ask, plan, paths.base_of(target.base_url, ask), query, kept)


def _own_cookies() -> frozenset[str]:
    """What a browser that is signed in here sends along, and no service is to have."""
    return frozenset({settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME})


def bound_of(made: Draft) -> Bound | None:
    """How long a body may be that is read first, to be signed or to take the credential into its form.

    ``None`` where neither is so, and the body is sent as it comes.
    """
    target = made.plan.target
    signs = target.auth_type.signs_requests
    kind = bodies.media_type(headers.value_of(made.headers, "content-type"))
    if kind == bodies.URLENCODED and (signs or target.param_type is ParamType.FORM):
        return Bound(bodies.FORM_BYTES, FORM_TOO_LARGE, cost=_COST_OF_SIGNING if signs else 1)
    if target.param_type is not ParamType.FORM:
        return None
    if kind == bodies.MULTIPART and not signs:
        return Bound(bodies.MULTIPART_BYTES, MULTIPART_TOO_LARGE)
    return Bound(0, partial(InvalidInput, NO_SIGNED_FORM if signs else bodies.NO_PLACE))  # or it is empty


def sign(made: Draft, row: Row, secrets: dict[str, Secret], body: Body) -> Signed:
    """The request with its credential in place. Raises InvalidInput, CannotSign, Unsealable."""
    target = made.plan.target
    signs = target.auth_type.signs_requests
    url = f"{made.url}?{made.query}" if made.query else made.url
    placed = target.auth_type.place(
        target.config,
        target.param_type,
        client_of(row) if signs else None,
        secrets,
        Unsigned(made.ask.method, url, _form(made, body) if signs else None),
    )
    return _placed(made, placed, body)


def _form(made: Draft, body: Body) -> Pairs | None:
    """The decoded form that a signature covers (RFC 5849 3.4.1.3.1)."""
    target = made.plan.target
    content_type = headers.value_of(made.headers, "content-type")
    form = bodies.fields_of(body.data, content_type) if body.is_whole and body.data else None
    if target.param_type is not ParamType.FORM:
        return form
    if form is not None:
        return tuple(pair for pair in form if pair[0].strip().lower() not in made.plan.reserved.form)
    if made.ask.method in FORM_METHODS and body.is_empty:
        return ()
    raise InvalidInput(NO_SIGNED_FORM)


def _placed(made: Draft, placed: Placement, body: Body) -> Signed:
    out = made.headers
    for name, value in placed.headers:
        headers.check_value(name, value)
    if placed.headers:
        out = [*out, *placed.headers]
    if placed.form or (made.plan.target.param_type is ParamType.FORM):
        body, out = _with_form(made, placed.form, body, out)
    query = bodies.joined(made.query, placed.query) if placed.query else made.query
    url = made.url
    if placed.path:
        base = made.plan.target.base_url
        for key, value in placed.path.items():
            base = base.replace(f"{{{key}}}", value)
        url = paths.base_of(base, made.ask)
    if body.stream is not None and body.length is not None:
        out = [*out, ("Content-Length", str(body.length))]
    return Signed(made.ask.method, f"{url}?{query}" if query else url, tuple(out), body)


def _with_form(
    made: Draft, credential: Pairs, body: Body, out: list[tuple[str, str]]
) -> tuple[Body, list[tuple[str, str]]]:
    content_type = headers.value_of(out, "content-type")
    data, content_type = bodies.with_credential(
        made.ask.method, body.data, content_type, credential, made.plan.reserved.form
    )
    kept = [pair for pair in out if pair[0].lower() != "content-type"]
    return replace(body, data=data, length=len(data)), [*kept, ("Content-Type", content_type)]
