"""Making a custom service out of a default one."""

import pytest
from django.test import Client

from people.models import User
from services import definition, loader
from services.models import OAuthClient, Service
from tests.conftest import SignIn


@pytest.fixture
def owners(owner: User, signed_in: SignIn) -> Client:
    loader.load()
    return signed_in(owner)


@pytest.mark.parametrize("link_name", ["zoho_desk", "github", "telegram", "trello"])
def test_the_copy_is_defined_as_its_original_and_may_be_edited(owners: Client, link_name: str) -> None:
    assert f"/services/{link_name}/copy/" in owners.get(f"/services/{link_name}/").content.decode()
    assert f'value="our_{link_name}' in owners.get(f"/services/{link_name}/copy/").content.decode()

    answer = owners.post(f"/services/{link_name}/copy/", {"name": "Mine", "link_name": "mine"})

    assert answer.status_code == 302, answer.content.decode()
    assert answer["Location"] == "/services/mine/"
    original, copied = (Service.objects.get(link_name=name) for name in (link_name, "mine"))
    differing = {"name": "Mine", "link_name": "mine"}
    assert definition.describe(copied) == definition.describe(original) | differing
    assert owners.get("/services/mine/edit/").status_code == 200


def test_every_default_service_may_be_copied(owners: Client) -> None:
    for service in Service.objects.filter(is_builtin=False):
        definition.parse(definition.describe(service) | {"name": "Mine", "link_name": "mine"})


def test_the_app_stays_with_the_original(owners: Client) -> None:
    auth = Service.objects.get(link_name="github").auths.get(name="oauth2")
    OAuthClient.objects.create(auth=auth, client_id="ours")
    owners.post("/services/github/copy/", {"name": "Mine", "link_name": "mine"})
    assert not OAuthClient.objects.filter(auth__service__link_name="mine").exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"link_name": "github"}, "Another service has this link name already."),
        ({"link_name": "No good"}, "Small letters, digits and underscores"),
        ({"name": ""}, "Enter a name for the copy."),
    ],
)
def test_says_what_is_wrong_and_makes_nothing(owners: Client, typed: dict[str, str], sentence: str) -> None:
    answer = owners.post("/services/github/copy/", {"name": "Mine", "link_name": "mine"} | typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Service.objects.filter(kind="custom").exists()


def test_a_built_in_service_is_not_copied(owners: Client) -> None:
    assert "/copy/" not in owners.get("/services/switchboard/").content.decode()
    answer = owners.post("/services/switchboard/copy/", {"name": "Mine", "link_name": "mine"})
    assert answer.status_code in {403, 422}
    assert not Service.objects.filter(kind="custom").exists()
