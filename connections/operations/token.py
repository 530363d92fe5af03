"""Making and revoking API tokens: none may more than the one who makes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from connections import token_rules, tokens
from connections.errors import TokenNotAllowed, TokenNotFound, Unauthenticated
from connections.models import ApiToken
from connections.token_rules import Errors, Rules
from people import audit
from people.actor import Actor
from people.audit_events import Event
from problems import ValidationFailed
from vault import Secret

MAX_NAME = 100
MAX_DAYS = 3650


@audit.atomic()
def create_token(  # noqa: PLR0913 -- the contract's fields of a token
    *,
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    connections: Sequence[str] | None = None,
    methods: Sequence[str] = (),
    networks: Sequence[str] = (),
    act_for: Sequence[str] = (),
    days: int | None = None,
    is_by_operator: bool = False,
) -> tuple[ApiToken, Secret]:
    """A token and its text, shown once. ``connections``: link names; ``act_for``: e-mail addresses, or ``*``.

    ``is_by_operator``: made at the command line, where ``act_for`` holds whatever the owner's role.
    Raises ValidationFailed, TokenNotAllowed, ActingForOthers, ConfirmationRequired.
    """
    actor.require_fresh()
    errors: Errors = []
    name, scopes, until = _name(name, errors), _scopes(scopes, errors), _until(days, errors)
    rules = token_rules.checked(
        actor=actor,
        connections=connections,
        methods=methods,
        networks=networks,
        act_for=act_for,
        is_by_operator=is_by_operator,
        errors=errors,
    )
    if errors:
        raise ValidationFailed(errors)
    if actor.token_id:
        rules, until = _within_maker(actor.token_id, scopes, rules, until)
    row, secret = tokens.issue(
        user=actor.user, name=name, scopes=scopes, rules=rules, expires_at=until, parent_id=actor.token_id
    )
    audit.record(Event.TOKEN_CREATED, actor=actor, target=_target(row), id=str(row.pk), rules=rules)
    return row, secret


def _within_maker(
    maker_id: UUID, scopes: Sequence[str], rules: Rules, until: datetime | None
) -> tuple[Rules, datetime | None]:
    """What a token makes may no more than itself, and lives no longer: it is held until that is made.

    Raises TokenNotAllowed, or Unauthenticated where it was revoked meanwhile.
    """
    maker = ApiToken.objects.select_for_update().filter(tokens.live(), pk=maker_id).first()
    if maker is None:
        raise Unauthenticated
    if not set(scopes) <= set(maker.scopes):
        raise TokenNotAllowed("An API token cannot make one with scopes that it does not have.")
    earliest = min(filter(None, [until, maker.expires_at]), default=None)
    return token_rules.within(maker.rules, rules), earliest


def find_tokens(*, actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own live tokens; through one that is narrowed to connections those no wider than it."""
    found = ApiToken.objects.filter(tokens.live(), user=actor.id, kind=ApiToken.Kind.API)
    if not actor.is_narrowed:
        return found
    assert actor.token_id is not None  # it is a token that is narrowed
    limit = ApiToken.objects.get(pk=actor.token_id)
    return found.filter(pk__in=[row.pk for row in found if _is_no_wider(row, limit)])


def _is_no_wider(row: ApiToken, limit: ApiToken) -> bool:
    return set(row.scopes) <= set(limit.scopes) and token_rules.is_within(limit.rules, row.rules)


@audit.atomic()
def revoke_token(*, actor: Actor, token_id: UUID) -> ApiToken:
    """Revoke a token, and what was made with it. Raises TokenNotFound for one that is not the actor's."""
    found = find_tokens(actor=actor)
    if actor.is_administrator:
        found = ApiToken.objects.filter(tokens.live(), kind=ApiToken.Kind.API)
    row = found.filter(pk=token_id).first()
    if row is None:
        raise TokenNotFound
    ended = tokens.revoke_family(row.pk)
    if row.pk not in ended:
        raise TokenNotFound  # somebody else was quicker
    with_it = len(ended) - 1
    audit.record(Event.TOKEN_REVOKED, actor=actor, target=_target(row), id=str(row.pk), with_it=with_it)
    return row


def _name(given: str, errors: Errors) -> str:
    name = given.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        message = f"Enter a name of 1 to {MAX_NAME} visible characters."
        errors.append({"field": "name", "message": message})
    return name


def _scopes(given: Sequence[str], errors: Errors) -> list[str]:
    if not given or not set(given) <= set(tokens.SCOPES):
        errors.append({"field": "scopes", "message": "Choose `invoke`, `manage` or both."})
    return [scope for scope in tokens.SCOPES if scope in given]


def _until(days: int | None, errors: Errors) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= MAX_DAYS:
        message = f"This takes 1 to {MAX_DAYS} days, or nothing for a token that stays."
        errors.append({"field": "days", "message": message})
        return None
    return timezone.now() + timedelta(days=days)


def _target(row: ApiToken) -> str:
    return f"token:{row.name}"
