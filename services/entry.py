"""What an entry of the catalogue says beyond a service's definition: where it stands in the lists, how an app
is registered, how sure its facts are, how a grant dies and what refusals look like."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic import Field as Declared

from services import patterns
from services.auth_types.base import Config

CATEGORY_NAMES = 20  # a list that fits on a screen

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Limit = Annotated[str, StringConstraints(pattern=r"^(\d+d|none|unknown)$")]


def _link(url: str) -> str:
    if url and not url.startswith("https://"):
        raise ValueError("It is a link that people follow: begin with https://.")
    return url


def _expression(match: str) -> str:
    if match.startswith("~"):
        patterns.compiled(match[1:])
    return match


Link = Annotated[str, StringConstraints(max_length=500), AfterValidator(_link)]


class Verified(Config):
    """``sources``: groups that are independent of each other and agree. ``inherited``: only the sign-in, from
    the parent's entry, was seen in any."""

    at: Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
    sources: list[Text] = Declared(default_factory=list)
    level: Literal["full", "partial", "single", "inherited"]


class Life(Config):
    """How a grant dies. ``access_s``: seconds. ``refresh``: do refresh tokens rotate? ``idle`` and
    ``absolute``: their limits in days. ``per_user``: how many tokens of a user live at once."""

    access_s: Annotated[int, Declared(ge=1)] | Literal["never", "unknown"] = "unknown"
    refresh: Literal["rotates", "stays", "none", "unknown"] = "unknown"
    idle: Limit = "unknown"
    absolute: Limit = "unknown"
    per_user: Annotated[int, Declared(ge=1)] | None = None
    test_mode: Annotated[str, StringConstraints(max_length=300)] = ""
    note: Annotated[str, StringConstraints(max_length=300)] = ""


class Failure(Config):
    """What a refusal looks like. ``status`` 0 is any. ``where``: ``json:path``, ``header:Name``, ``text`` or
    ``status``, after ``token `` for answers of the token endpoint. ``match``: the whole value, ``~`` before a
    regular expression, empty where the status alone tells."""

    status: Annotated[int, Declared(ge=0, le=599)]
    where: Annotated[str, StringConstraints(pattern=r"^(token )?(json:\S+|header:[\w-]+|text|status)$")]
    match: Annotated[str, StringConstraints(max_length=300), AfterValidator(_expression)] = ""
    means: Literal[
        "expired", "revoked", "throttled", "missing_scope", "wrong_account", "quota", "maintenance"
    ]


class Meta(Config):
    """``rank``: 1 is the best known. ``aliases``: other names that people type. ``app_steps``: what to click
    on ``app_page``; ``app_like``: the entry, by its link name, whose steps they are. ``sample_credentials``:
    what a practice service accepts."""

    rank: Annotated[int, Declared(ge=1)] | None = None
    aliases: list[Text] = Declared(default_factory=list)
    app_page: Link = ""
    app_like: Annotated[str, StringConstraints(max_length=50)] = ""
    app_steps: Annotated[list[Text], Declared(max_length=5)] = Declared(default_factory=list)
    verified: Verified | None = None
    life: Life | None = None
    failures: list[Failure] = Declared(default_factory=list)
    sample_credentials: dict[str, str] = Declared(default_factory=dict)


class Facts(Config):
    """The keys of a file that are not the definition's. ``icon``: a symbol of static/img/brands.svg."""

    category: Annotated[str, StringConstraints(max_length=60)] = ""
    docs_url: Link = ""
    icon: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]*$", max_length=60)] = ""
    meta: Meta = Declared(default_factory=Meta)

    @property
    def row(self) -> dict[str, Any]:
        """As the row of a service stores them: what is not said is left out of ``meta``."""
        return self.model_dump(exclude={"meta"}) | {"meta": self.meta.model_dump(exclude_defaults=True)}
