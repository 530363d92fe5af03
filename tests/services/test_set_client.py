from dataclasses import replace

import pytest

from connections.models import Connection, Grant
from people.actor import Actor
from people.audit_events import Event
from people.models import AuditEvent, User
from problems import ConfirmationRequired, NotAllowed, ValidationFailed
from services import clients, operations
from services.auth_types.base import ClientKeys
from services.models import OAuthClient, Service
from tests.services.conftest import Make
from vault.secret import Secret


def set_client(user: User, service: Service, client_id: str, secret: str | None) -> OAuthClient:
    return operations.set_client(
        actor=Actor.of(user),
        service=service,
        client_id=client_id,
        client_secret=Secret(secret) if secret else None,
    )


def secret_of(service: Service) -> str:
    keys = clients.client_of(service.auths.get())
    assert keys is not None
    assert keys.client_secret is not None
    return keys.client_secret.reveal()


def grant_with(service: Service, user: User, client: OAuthClient) -> Grant:
    connection = Connection.objects.create(auth=service.auths.get(), name="x", link_name="x", created_by=user)
    return Grant.objects.create(connection=connection, user=user, client=client)


def test_registers_an_app(owner: User, make_service: Make) -> None:
    service = make_service()
    assert clients.lacking(service)
    set_client(owner, service, " 1000.X ", "s1")
    service = operations.get_service(actor=Actor.of(owner), link_name=service.link_name)
    assert not clients.lacking(service)
    assert secret_of(service) == "s1"
    event = AuditEvent.objects.get(event=Event.CLIENT_SET)
    assert '"client_id":"1000.X"' in event.detail
    assert "s1" not in event.detail


def test_the_same_id_replaces_the_secret_in_place(owner: User, make_service: Make) -> None:
    service = make_service()
    first = set_client(owner, service, "1000.X", "s1")
    second = set_client(owner, service, "1000.X", "s2")
    assert (second.pk, second.version) == (first.pk, first.version + 1)
    assert secret_of(service) == "s2"


def test_an_empty_secret_keeps_the_stored_one(owner: User, make_service: Make) -> None:
    service = make_service()
    set_client(owner, service, "1000.X", "s1")
    set_client(owner, service, "1000.X", None)
    assert secret_of(service) == "s1"


def test_another_id_replaces_an_app_that_nobody_used(owner: User, make_service: Make) -> None:
    service = make_service()
    set_client(owner, service, "1000.X", "s1")
    set_client(owner, service, "1000.Y", "s2")
    assert OAuthClient.objects.get().client_id == "1000.Y"


def test_grants_keep_the_app_they_were_made_with(owner: User, make_service: Make) -> None:
    service = make_service()
    grant = grant_with(service, owner, set_client(owner, service, "1000.X", "s1"))
    set_client(owner, service, "1000.Y", "s2")
    grant.refresh_from_db()
    assert grant.client is not None
    assert (grant.client.client_id, grant.client.is_default) == ("1000.X", False)
    kept = clients.client_of(service.auths.get(), grant.client)
    assert kept == ClientKeys("1000.X", Secret("s1"))
    assert secret_of(service) == "s2"


def test_a_former_app_becomes_the_default_again(owner: User, make_service: Make) -> None:
    service = make_service()
    first = set_client(owner, service, "1000.X", "s1")
    grant_with(service, owner, first)
    set_client(owner, service, "1000.Y", "s2")
    assert set_client(owner, service, "1000.X", "s3").pk == first.pk
    assert OAuthClient.objects.get(is_default=True).pk == first.pk


def test_is_for_the_services_maker_and_administrators(
    owner: User, administrator: User, teammate: User, make_service: Make
) -> None:
    service = make_service()
    with pytest.raises(NotAllowed):
        set_client(teammate, service, "1000.X", "s1")
    set_client(administrator, service, "1000.X", "s1")


def test_a_default_services_app_is_for_administrators(owner: User, administrator: User) -> None:
    service = Service.objects.create(link_name="zoho", name="Zoho", kind=Service.Kind.DEFAULT, base_url="x")
    assert not operations.may_set_client(Actor.of(owner), service)
    assert operations.may_set_client(Actor.of(administrator), service)


def test_wants_a_fresh_sign_in(owner: User, make_service: Make) -> None:
    stale = replace(Actor.of(owner), is_fresh=False)
    with pytest.raises(ConfirmationRequired):
        operations.set_client(
            actor=stale, service=make_service(), client_id="1000.X", client_secret=Secret("s")
        )


@pytest.mark.parametrize(
    ("client_id", "secret", "field"),
    [
        ("", "s1", "client_id"),
        ("  ", "s1", "client_id"),
        ("a\nb", "s1", "client_id"),
        ("x" * 501, "s1", "client_id"),
        ("1000.X", "a\x00b", "client_secret"),
        ("1000.X", "x" * 9000, "client_secret"),
        ("1000.X", None, "client_secret"),
    ],
)
def test_says_which_value_is_wrong_and_keeps_the_old_one(
    owner: User, make_service: Make, client_id: str, secret: str | None, field: str
) -> None:
    service = make_service(oauth2={"client_auth": "basic"})
    set_client(owner, service, "old", "s0")
    with pytest.raises(ValidationFailed) as raised:
        set_client(owner, service, client_id, secret)
    assert [error["field"] for error in raised.value.errors] == [field]
    assert OAuthClient.objects.get().client_id == "old"


def test_a_service_without_apps_takes_none(owner: User, make_service: Make) -> None:
    service = make_service(auth_type="basic", basic={})
    with pytest.raises(ValidationFailed, match="another look") as raised:
        set_client(owner, service, "1000.X", "s")
    assert raised.value.errors[0]["field"] == "auth"


def test_a_key_that_the_service_has_no_use_for_is_told(owner: User, make_service: Make) -> None:
    service = make_service()
    auth = service.auths.get()
    with pytest.raises(ValidationFailed) as told:
        clients.store(auth, client_id="1000.X", client_secret=Secret("s"), private_key=Secret("a key"))
    assert [error["field"] for error in told.value.errors] == ["private_key"]
