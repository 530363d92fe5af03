from dataclasses import replace

import pytest

from people.actor import Actor
from people.audit_events import Event
from people.models import AuditEvent, Role, User
from problems import Conflict, NotAllowed, ValidationFailed
from services import clients, operations
from services.models import OAuthClient, Service
from tests.services.conftest import Data, Make


def test_a_builder_makes_a_service(owner: User, service_data: Data) -> None:
    service = operations.create_service(actor=Actor.of(owner), data=service_data())
    assert service.created_by == owner
    assert service.is_custom
    assert service.auths.get().param_type == "header"
    event = AuditEvent.objects.get(event=Event.SERVICE_CREATED)
    assert (event.target, event.actor) == ("service:zoho_commerce", owner.email)


def test_a_member_makes_none(teammate: User, service_data: Data) -> None:
    with pytest.raises(NotAllowed):
        operations.create_service(actor=Actor.of(teammate), data=service_data())
    assert not Service.objects.exists()


def test_what_is_wrong_changes_nothing(owner: User, service_data: Data) -> None:
    with pytest.raises(ValidationFailed):
        operations.create_service(actor=Actor.of(owner), data=service_data(base_url="http://x.example"))
    assert not Service.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_link_name_is_given_once(owner: User, make_service: Make, service_data: Data) -> None:
    make_service()
    with pytest.raises(Conflict):
        operations.create_service(actor=Actor.of(owner), data=service_data(name="Another"))
    assert Service.objects.count() == 1


def test_a_deleted_link_name_comes_back_to_its_owner_alone(
    owner: User, make_service: Make, make_person: object, service_data: Data
) -> None:
    operations.remove(actor=Actor.of(owner), service=make_service())
    other = User.objects.create_user("other@example.com", role=Role.BUILDER)
    with pytest.raises(Conflict, match="deleted"):
        operations.create_service(actor=Actor.of(other), data=service_data())
    assert make_service().link_name == "zoho_commerce"


def test_a_client_that_comes_along_is_sealed(make_service: Make) -> None:
    service = make_service(oauth2={"client_id": "1000.X", "client_secret": "canary"})
    row = OAuthClient.objects.get()
    assert b"canary" not in bytes(row.client_secret or b"")
    assert "canary" not in str(service.auths.get().config)
    keys = clients.client_of(service.auths.get())
    assert keys is not None
    assert keys.client_secret is not None
    assert keys.client_secret.reveal() == "canary"


def test_a_new_services_app_needs_no_fresh_sign_in(owner: User, service_data: Data) -> None:
    """Nobody's credentials are there yet, and a form full of typing would be lost."""
    data = service_data(oauth2={"client_id": "1000.X", "client_secret": "s"})
    operations.create_service(actor=replace(Actor.of(owner), is_fresh=False), data=data)
    assert OAuthClient.objects.get().client_id == "1000.X"


def test_pkce_switched_off_is_told_to_auditors(make_service: Make) -> None:
    make_service(oauth2={"pkce": False})
    assert '"without_pkce":["oauth2"]' in AuditEvent.objects.get(event=Event.SERVICE_CREATED).detail
