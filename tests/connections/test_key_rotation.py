"""F4: every credential under a new key, at any pace, and the old key can go."""

import base64
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from connections import grants, key_rotation
from connections.models import Connection, Grant
from people import installation
from services import clients
from services.models import OAuthClient, Service
from tests.connections.conftest import arrive, depart, events, fresh, round_trip, secrets_of

pytestmark = pytest.mark.django_db

OLD = "t1:" + base64.b64encode(b"t" * 32).decode()
NEW = "n2:" + base64.b64encode(b"n" * 32).decode()


def rotate() -> str:
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    return said.getvalue()


@pytest.fixture
def _old_then_new(settings: Settings, shop: Connection, keyed: Connection, oauth_service: Service) -> None:
    """Credentials sealed with the old key; now a new one stands before it."""
    settings.CREDENTIAL_KEYS = OLD
    installation.check_key()
    round_trip(shop)
    settings.CREDENTIAL_KEYS = f"{NEW},{OLD}"


@pytest.mark.usefixtures("_old_then_new")
def test_seals_everything_anew_so_that_the_old_key_can_go(
    settings: Settings, shop: Connection, keyed: Connection
) -> None:
    assert "3 sealed anew, 0 left." in rotate()
    settings.CREDENTIAL_KEYS = NEW
    for connection in (shop, keyed):
        assert secrets_of(Grant.objects.get(connection=connection, state=Grant.State.ACTIVE))
    client = OAuthClient.objects.get()
    keys = clients.client_of(client.auth, client)
    assert keys
    assert keys.client_secret
    assert keys.client_secret.reveal() == "our-app-secret"
    installation.check_key()
    assert events()[-1] == "keys.rotated"


@pytest.mark.usefixtures("_old_then_new")
def test_does_nothing_the_second_time() -> None:
    rotate()
    before = list(Grant.objects.values_list("pk", "version").order_by("pk"))
    assert "0 sealed anew, 0 left." in rotate()
    assert list(Grant.objects.values_list("pk", "version").order_by("pk")) == before


@pytest.mark.usefixtures("_old_then_new")
def test_goes_on_where_it_was_cut_short() -> None:
    place = key_rotation.PLACES[1]
    assert key_rotation._reseal(place, next(place.rows()))
    assert key_rotation.left() == 2
    assert "2 sealed anew, 0 left." in rotate()


@pytest.mark.usefixtures("_old_then_new")
def test_leaves_a_grant_that_is_being_refreshed_to_the_next_run(shop: Connection) -> None:
    grant = grants.current(shop, shop.created_by)
    assert grant
    later = timezone.now() + timedelta(minutes=1)
    Grant.objects.filter(pk=grant.pk).update(claimed_by="first-x", claimed_until=later)
    with pytest.raises(CommandError, match="run this again"):
        rotate()
    assert fresh(grant).version == grant.version
    Grant.objects.filter(pk=grant.pk).update(claimed_by="", claimed_until=None)
    assert "1 sealed anew, 0 left." in rotate()


@pytest.mark.usefixtures("_old_then_new")
def test_reports_what_does_not_open(settings: Settings, keyed: Connection) -> None:
    Grant.objects.filter(connection=keyed).update(secrets=b"S\x01\x02xx" + b"\x00" * 60)
    with pytest.raises(CommandError, match="1 do not open"):
        rotate()


@pytest.mark.usefixtures("_old_then_new")
def test_carries_a_round_trip_under_way_along(settings: Settings, shop: Connection) -> None:
    state = depart(shop)["state"]
    rotate()
    settings.CREDENTIAL_KEYS = NEW
    assert arrive(shop, state=state).state == Grant.State.ACTIVE
