"""What an authentication type declares and does. Plain values in, plain values out: no network, no Django.

An exchange with a service (a token endpoint, say) is a generator: it yields an ``Exchange``, is sent
the ``Answer`` and returns what came of it. Whoever drives it owns the socket, the deadline and the guard.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from vault.secret import Secret

Pairs = tuple[tuple[str, str], ...]
LONGEST_LIFE_S = 10 * 365 * 24 * 3600  # a token that outlives this is as good as everlasting
CALLBACK, TOKEN = "callback", "token"  # what can tell a variable's value when somebody authorises


class ParamType(StrEnum):
    """Where the credential travels."""

    QUERY = "query"
    FORM = "form"
    HEADER = "header"
    PATH = "path"

    @property
    def label(self) -> str:
        """The words of the form."""
        return {"query": "Query string", "form": "Form data", "header": "Headers", "path": "Path"}[self.value]


class Config(BaseModel):
    """The contract’s block of an auth type, less the client’s own values: unknown keys are refused, and so is
    anything but JSON’s own type ("yes" for true)."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class Field:
    """A value that is asked when connecting. ``key`` is its name in ``credentials``."""

    key: str
    label: str
    is_secret: bool = True
    is_required: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The app registered with a service: OAuth 2 client, or OAuth 1 consumer."""

    client_id: str
    client_secret: Secret | None = None
    private_key: Secret | None = None


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request about to be signed. ``form`` is its decoded form body, ``None`` where it has none."""

    method: str
    url: str
    form: Pairs | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is added to a request. ``path`` fills ``{key}`` placeholders of the base URL's path."""

    headers: Pairs = field(default=(), repr=False)
    query: Pairs = field(default=(), repr=False)
    form: Pairs = field(default=(), repr=False)
    path: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reserved:
    """Names that carry the credential and are dropped from whatever a caller sends. Headers in lower case."""

    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    form: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to one of a service's own endpoints. ``form`` is sent urlencoded, or, where ``is_json``, as
    an object of texts; ``None`` sends no body."""

    method: str
    url: str
    headers: Pairs = field(default=(), repr=False)
    form: Pairs | None = field(default=None, repr=False)
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said. Header names are in lower case; ``body`` is decoded and capped."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def _mean_nothing(_: Answer) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Flow:
    """A round trip's fixed side: the filled-in config, the client, where to come back, what to ask for.

    ``facts``: dotted paths of the service's token answer whose texts are wanted besides the tokens.
    ``meaning``: what the service means by a refusal, where that is known.
    """

    config: Mapping[str, Any]
    client: ClientKeys | None
    callback_url: str = ""
    scopes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    meaning: Callable[[Answer], str] = _mean_nothing


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the person is sent. ``state`` is what must come back; ``secrets`` finish the round trip."""

    url: str
    state: str = field(repr=False)
    secrets: Mapping[str, Secret] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a grant is made of. ``expires_in`` in seconds; ``scopes`` is ``None`` where nothing was said.

    ``facts``: what the answer says at each of the flow's paths, where that is a text or a number.
    """

    secrets: Mapping[str, Secret] = field(repr=False)
    expires_in: int | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def life_s(self, at: datetime) -> int | None:
        """The seconds that they last from ``at``, when they were had; ``None`` where nobody knows."""
        if self.expires_in is not None or self.expires_at is None:
            return self.expires_in
        left_s = int((self.expires_at - at).total_seconds())
        return min(left_s, LONGEST_LIFE_S) if left_s > 0 else None


class AuthType(ABC):
    """One way to authenticate. A new one is a module in this package and a line in its ``__init__``."""

    name: ClassVar[str]  # as in the contract: api_key, basic, oauth1, oauth2
    label: ClassVar[str]  # as on the screen
    summary: ClassVar[str]  # a few words below the label
    param_types: ClassVar[tuple[ParamType, ...]]
    Config: ClassVar[type[Config]]
    signs_requests: ClassVar[bool] = False  # does place() need the client and the form?
    takes_nothing: ClassVar[bool] = False  # may every one of fields() be left empty?
    filled_fields: ClassVar[tuple[str, ...]] = ()  # further names that may hold {variables}, besides the URLs
    filled_maps: ClassVar[tuple[str, ...]] = ()  # names of parameters whose values may hold {variables}
    # What must be known before a person is sent to the service, and what before the service gives a token.
    before_consent: ClassVar[frozenset[str]] = frozenset()
    before_token: ClassVar[frozenset[str]] = frozenset()
    client_fields: ClassVar[tuple[str, ...]] = ()  # names in the block that belong to the OAuthClient

    @abstractmethod
    def fields(self, config: Mapping[str, Any]) -> tuple[Field, ...]:
        """What to ask when connecting; nothing where a redirect or the client alone does it."""

    @abstractmethod
    def reserved(self, config: Mapping[str, Any], param_type: ParamType) -> Reserved:
        """Which names a caller may not set."""

    @abstractmethod
    def place(
        self,
        config: Mapping[str, Any],
        param_type: ParamType,
        client: ClientKeys | None,
        secrets: Mapping[str, Secret],
        request: Unsigned,
    ) -> Placement:
        """The credential, and where it goes on this request."""

    def config_problems(
        self, config: Mapping[str, Any], param_type: ParamType, base_url: str
    ) -> dict[str, str]:
        """What is wrong with a block at this place and address: a sentence for each dotted field of it."""
        return {}

    def client_problems(self, config: Mapping[str, Any], client: ClientKeys) -> dict[str, str]:
        """What is wrong with an app's keys: a sentence for ``client_secret`` or ``private_key``."""
        return {}

    def credential_problem(self, key: str, value: str) -> str:
        """What is wrong with an entered value, beyond what holds for every text; empty where nothing is."""
        return ""

    def credentials_problems(self, given: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with the entered values together: a sentence for one of them."""
        return {}

    def needs_client(self, config: Mapping[str, Any]) -> bool:
        """Is an app registered with the service needed?"""
        return False

    def needs_consent(self, config: Mapping[str, Any]) -> bool:
        """Does a person authorise by redirect?"""
        return False

    def is_automatic(self, config: Mapping[str, Any]) -> bool:
        """Does the client alone obtain the grant (OAuth 2 client credentials)?"""
        return False

    def sources(self, config: Mapping[str, Any]) -> frozenset[str]:
        """What can tell a variable's value: ``CALLBACK``, ``TOKEN``, both or nothing."""
        if self.needs_consent(config):
            return frozenset({CALLBACK, TOKEN})
        return frozenset({TOKEN}) if self.is_automatic(config) else frozenset()

    def urls(self, config: Mapping[str, Any]) -> dict[str, str]:
        """The endpoints by their name in the config, unset ones left out."""
        return {}

    def refresh_url(self, config: Mapping[str, Any]) -> str:
        """Where new tokens are asked for; empty where none are to be had."""
        return ""

    def scope_names(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The scopes that a connection may choose from."""
        return ()

    def can_refresh(self, config: Mapping[str, Any], secrets: Mapping[str, Secret]) -> bool:
        """Can a new access token be had without a person?"""
        return False

    def begin(self, flow: Flow) -> Generator[Exchange, Answer, Consent]:
        """Start a round trip."""
        raise NotImplementedError(self.name)

    def state_in(self, params: Mapping[str, str]) -> str:
        """What came back to say which round trip this is; empty where nothing did."""
        return ""

    def complete(
        self, flow: Flow, secrets: Mapping[str, Secret], params: Mapping[str, str]
    ) -> Generator[Exchange, Answer, Tokens]:
        """Finish a round trip with the callback's parameters and the consent's secrets."""
        raise NotImplementedError(self.name)

    def refresh(self, flow: Flow, secrets: Mapping[str, Secret]) -> Generator[Exchange, Answer, Tokens]:
        """New tokens from the old ones, or from the client alone."""
        raise NotImplementedError(self.name)

    def revoke(self, flow: Flow, secrets: Mapping[str, Secret]) -> Generator[Exchange, Answer, bool]:
        """Tell the service that a grant is over; was it confirmed? ``False`` without an endpoint."""
        yield from ()
        return False
