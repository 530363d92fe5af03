"""Section A: a consent ends with the person who began it, or it ends with nothing."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from connections import grants, oauth, operations
from connections.errors import (
    FlowOvertaken,
    ParameterRepeated,
    ProviderRefused,
    ServiceUnreachable,
    StateExpired,
    StateUnknown,
    WrongPersonReturned,
    WrongServiceReturned,
)
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import AuditEvent, User
from problems import AppError, FlowFailed
from services.auth_types.errors import CallbackIncomplete, IssuerMismatch, TokenAnswerRefused
from services.models import Service
from tests.connections.conftest import (
    SESSION,
    MakeConnection,
    MakeService,
    arrive,
    depart,
    events,
    fresh,
    oauth_definition,
    round_trip,
    secrets_of,
)
from tests.connections.provider import Provider, Said

pytestmark = pytest.mark.django_db

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def nothing_came_of_it(connection: Connection, provider: Provider) -> bool:
    """No grant, and the token endpoint was not asked."""
    is_stored = Grant.objects.filter(connection=connection, state=Grant.State.ACTIVE).exists()
    return not is_stored and provider.asked() == []


class Meeting:
    """Stops a thread before its first statement that locks or changes a grant, until the other is there."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier
        self.is_over = False

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        is_taking = not sql.startswith("SELECT") or "FOR UPDATE" in sql
        if not self.is_over and is_taking and "connections_grant" in sql:
            self.is_over = True
            self._barrier.wait()
        return execute(sql, params, many, context)


def test_stores_the_tokens_of_a_good_answer(shop: Connection) -> None:
    grant = round_trip(shop)
    assert secrets_of(grant) == {"access_token": "access-1", "refresh_token": "refresh-1"}
    stands = status_of(shop, Actor.of(shop.created_by))
    assert stands.code is Code.CONNECTED
    assert stands.authorized_as == "ada@example.net"
    assert events()[-2:] == ["grant.flow_started", "grant.flow_finished"]


def test_wipes_what_the_round_trip_needed(shop: Connection) -> None:
    grant = fresh(round_trip(shop))
    assert (grant.flow_secrets, grant.state_hash, grant.session_hash) == (None, "", "")


# --- A1: state --------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", [{}, {"state": ""}, {"state": "made-up"}])
def test_refuses_a_state_that_is_missing_or_wrong(
    shop: Connection, provider: Provider, answer: dict[str, str]
) -> None:
    depart(shop)
    with pytest.raises(StateUnknown):
        arrive(shop, **answer)
    assert nothing_came_of_it(shop, provider)


def test_refuses_a_state_used_twice(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    arrive(shop, state=state)
    with pytest.raises(StateUnknown):
        arrive(shop, state=state)
    assert len(provider.asked()) == 1


def test_refuses_a_state_from_another_session(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with pytest.raises(StateUnknown):
        arrive(shop, state=state, session="another")
    assert nothing_came_of_it(shop, provider)


def test_refuses_a_state_after_ten_minutes(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with pytest.raises(StateExpired):
        arrive(shop, state=state, now=timezone.now() + timedelta(minutes=10))
    assert nothing_came_of_it(shop, provider)


def test_takes_a_state_just_before_ten_minutes_are_over(shop: Connection) -> None:
    state = depart(shop)["state"]
    assert arrive(shop, state=state, now=timezone.now() + timedelta(minutes=9)).state == Grant.State.ACTIVE


def test_consumes_a_state_that_was_refused(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with pytest.raises(StateUnknown):
        arrive(shop, state=state, session="another")
    with pytest.raises(StateUnknown):
        arrive(shop, state=state)
    assert nothing_came_of_it(shop, provider)


@pytest.mark.django_db(transaction=True)
def test_lets_one_of_two_callbacks_at_the_same_instant_through(shop: Connection, provider: Provider) -> None:
    """Both have found the round trip before either of them takes it."""
    state = depart(shop)["state"]
    outcomes, have_looked = list[str](), threading.Barrier(2, timeout=20)

    def come_back() -> None:
        meet_before_taking = Meeting(have_looked)
        try:
            with database.execute_wrapper(meet_before_taking):
                arrive(shop, state=state)
            outcomes.append("stored")
        except FlowFailed as error:
            outcomes.append(type(error).__name__)
        finally:
            assert meet_before_taking.is_over
            databases.close_all()

    threads = [threading.Thread(target=come_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["StateUnknown", "stored"]
    assert len(provider.asked()) == 1


def test_keeps_a_hash_of_the_state_and_not_the_state(shop: Connection) -> None:
    state = depart(shop)["state"]
    row = Grant.objects.values().get(connection=shop)
    assert len(state) * 6 >= 128
    assert state not in str(row)
    assert SESSION not in str(row)


# --- A2: the person -----------------------------------------------------------------------------------
def test_refuses_another_person_than_the_one_who_started(
    shop: Connection, administrator: User, provider: Provider
) -> None:
    state = depart(shop)["state"]
    with pytest.raises(WrongPersonReturned):
        arrive(shop, state=state, user=administrator)
    assert nothing_came_of_it(shop, provider)
    assert events()[-1] == "grant.flow_user_mismatch"


def test_refuses_a_person_who_lost_the_connection_meanwhile(
    oauth_service: Service, make_connection: MakeConnection, teammate: User, provider: Provider
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    state = depart(shared, user=teammate)["state"]
    owner = Actor.of(shared.created_by)
    operations.change_connection(actor=owner, connection=shared, data={"audience": "private"})
    with pytest.raises(FlowOvertaken):
        arrive(shared, state=state, user=teammate)
    assert nothing_came_of_it(shared, provider)


# --- A4: PKCE -----------------------------------------------------------------------------------------
def test_sends_a_challenge_and_later_its_verifier(shop: Connection, provider: Provider) -> None:
    asked = depart(shop)
    assert asked["code_challenge_method"] == "S256"
    assert depart(shop)["code_challenge"] != asked["code_challenge"]
    arrive(shop, state=asked["state"])
    assert 43 <= len(provider.asked()[0].form["code_verifier"]) <= 128


def test_keeps_the_verifier_sealed(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    stored = bytes(Grant.objects.get(connection=shop).flow_secrets or b"")
    arrive(shop, state=state)
    verifier = provider.asked()[0].form["code_verifier"]
    assert stored.startswith(b"S")
    assert verifier.encode() not in stored
    assert verifier not in str(list(AuditEvent.objects.values()))


# --- A5: mix-up ---------------------------------------------------------------------------------------
def test_refuses_an_answer_at_another_services_address(
    shop: Connection, make_service: MakeService, provider: Provider
) -> None:
    make_service("evil", **oauth_definition(provider))
    state = depart(shop)["state"]
    with pytest.raises(WrongServiceReturned):
        arrive(shop, state=state, service="evil")
    assert nothing_came_of_it(shop, provider)


def test_names_a_callback_of_its_own_for_each_service(shop: Connection) -> None:
    assert depart(shop)["redirect_uri"] == "http://localhost:8000/oauth/callback/shop"


def test_takes_the_shared_callback_where_one_serves_all(shop: Connection) -> None:
    assert arrive(shop, state=depart(shop)["state"], service=None).state == Grant.State.ACTIVE


# --- A6: iss ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", [{"iss": "https://evil.example"}, {"iss": "https://issuer.example/"}, {}])
def test_refuses_an_issuer_that_is_altered_or_missing(
    make_service: MakeService,
    make_connection: MakeConnection,
    provider: Provider,
    answer: dict[str, str],
) -> None:
    definition = oauth_definition(provider, issuer="https://issuer.example", require_iss=True)
    make_service("strict", **definition)
    connection = make_connection("strict")
    state = depart(connection)["state"]
    with pytest.raises(IssuerMismatch):
        arrive(connection, state=state, **answer)
    assert nothing_came_of_it(connection, provider)


# --- A7: code injection -------------------------------------------------------------------------------
@pytest.mark.parametrize("twice", ["code", "state", "iss", "error", "anything"])
def test_refuses_any_parameter_that_comes_twice(twice: str) -> None:
    with pytest.raises(ParameterRepeated):
        oauth.single({"code": ["a"], "state": ["x"], "iss": ["i"], twice: ["a", "b"]})


def test_refuses_an_injected_code(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with pytest.raises(TokenAnswerRefused, match="invalid_grant"):
        arrive(shop, state=state, code="a-code-of-somebody-else")
    assert not Grant.objects.filter(state=Grant.State.ACTIVE).exists()
    assert len(provider.asked()) == 1


def test_refuses_an_answer_without_a_code(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with pytest.raises(CallbackIncomplete):
        arrive(shop, state=state, code="")
    assert nothing_came_of_it(shop, provider)


# --- A8: errors from the provider ---------------------------------------------------------------------
def test_refuses_an_error_without_a_valid_state(shop: Connection) -> None:
    depart(shop)
    with pytest.raises(StateUnknown):
        arrive(shop, state="made-up", error="access_denied")


def test_keeps_the_old_grant_when_a_new_consent_is_refused(shop: Connection) -> None:
    before = round_trip(shop)
    state = depart(shop)["state"]
    with pytest.raises(ProviderRefused, match="Nothing was changed"):
        arrive(shop, state=state, error="access_denied")
    assert secrets_of(before)["access_token"] == "access-1"
    assert status_of(shop, Actor.of(shop.created_by)).is_connected
    assert events()[-1] == "grant.flow_refused"


@pytest.mark.parametrize("error", ["access_denied", "server_error", "<script>alert(1)</script>", "\n\x1b[3m"])
def test_tells_an_error_in_words_of_its_own(shop: Connection, error: str) -> None:
    state = depart(shop)["state"]
    says = "<b>call 555</b>\r\nforged line\x1b[0m " + "x" * 500
    with pytest.raises(ProviderRefused) as refused:
        arrive(shop, state=state, error=error, error_description=says)
    told = refused.value
    assert error not in told.message + told.hint
    assert told.extra["provider_says"].isprintable()
    assert len(told.extra["provider_says"]) <= 200
    assert "forged line" not in str(list(AuditEvent.objects.values()))


# --- A10: the token endpoint --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "said",
    [
        Said(302, {}, {"Location": "http://127.0.0.1:1/sink"}),
        Said(307, {}, {"Location": "http://127.0.0.1:1/sink"}),
        Said(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
        Said(200, b'{"access_token": "' + b"a" * (1 << 21) + b'"}'),
        Said(200, {"access_token": []}),
        Said(200, {"access_token": "a\x00b", "token_type": "Bearer"}),
        Said(200, {"access_token": "abc", "token_type": "Bearer", "expires_in": -1}),
        Said(200, {"access_token": "abc", "token_type": "Bearer", "expires_in": "soon"}),
        Said(500, {"error": "server_error"}),
    ],
    ids=["302", "307", "html", "huge", "list", "control", "negative", "words", "500"],
)
def test_stores_nothing_of_an_odd_token_answer(shop: Connection, provider: Provider, said: Said) -> None:
    provider.say(said)
    state = depart(shop)["state"]
    with pytest.raises(FlowFailed) as refused:
        arrive(shop, state=state)
    assert refused.value.status == 400
    assert not Grant.objects.filter(state=Grant.State.ACTIVE).exists()
    assert [request.path for request in provider.seen] == ["/token"]


def test_tells_that_the_token_endpoint_cannot_be_reached(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("away", **oauth_definition(provider, token_url="http://127.0.0.1:9/token"))
    connection = make_connection("away")
    state = depart(connection)["state"]
    with pytest.raises(ServiceUnreachable) as refused:
        arrive(connection, state=state)
    assert refused.value.hint == ServiceUnreachable.hint  # and nothing about calls


# --- One consent replaces another -----------------------------------------------------------------------
def test_replaces_the_old_grant_by_the_new_consent(shop: Connection) -> None:
    before = round_trip(shop)
    after = round_trip(shop)
    assert fresh(before).state == Grant.State.ENDED
    assert fresh(before).secrets is None
    assert Grant.objects.get(state=Grant.State.ACTIVE) == after


def test_drops_a_consent_that_a_change_overtook(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    owner = Actor.of(shop.created_by)
    operations.change_connection(actor=owner, connection=shop, data={"scopes": ["read", "write"]})
    with pytest.raises(StateUnknown):
        arrive(shop, state=state)
    assert nothing_came_of_it(shop, provider)


def test_keeps_each_persons_grant_apart(
    oauth_service: Service, make_connection: MakeConnection, teammate: User
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    ours, theirs = round_trip(shared), round_trip(shared, user=teammate)
    assert grants.current(shared, shared.created_by) == ours
    assert grants.current(shared, teammate) == theirs


def test_stores_the_scopes_that_the_service_gave(shop: Connection, provider: Provider) -> None:
    provider.extra = {"scope": "read"}
    assert round_trip(shop).granted_scopes == ["read"]


def test_asks_for_the_chosen_scopes_alone(shop: Connection) -> None:
    assert depart(shop)["scope"] == "read"


def test_refuses_to_start_where_no_app_is_registered(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("appless", **oauth_definition(provider, client_id="", client_secret=""))
    connection = make_connection("appless")
    with pytest.raises(AppError, match="no OAuth app"):
        depart(connection)
    assert not Grant.objects.exists()
