import json
from typing import Any

import pytest

from people.actor import Actor
from people.audit_events import Event
from people.models import AuditEvent, User
from problems import NotAllowed, ValidationFailed
from services import operations
from services.changes import Change
from services.models import OAuthClient, Service
from tests.services.conftest import Make


def change(user: User, service: Service, *, is_in_use: bool = False, **data: Any) -> Change:
    return operations.apply_change(actor=Actor.of(user), service=service, data=data, is_in_use=is_in_use)


def test_changes_words_without_touching_targets(owner: User, make_service: Make) -> None:
    service = make_service()
    change_ = change(owner, service, name="Shop")
    assert (change_.fields, change_.is_retargeted) == (("name",), False)
    service.refresh_from_db()
    assert service.name == "Shop"
    assert AuditEvent.objects.filter(event=Event.SERVICE_CHANGED).count() == 1


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"base_url": "https://shop.example.com", "hosts": ["shop.example.com"]}, "base_url"),
        ({"hosts": ["*.zoho.eu"]}, "hosts"),
        ({"oauth2": {"token_url": "https://other.example.com/token"}}, "oauth2.token_url"),
        ({"oauth2": {"revoke_url": "https://other.example.com/revoke"}}, "oauth2.revoke_url"),
        ({"param_type": "query"}, "param_type"),
        ({"oauth2": {"token_param": "X-Token"}}, "oauth2"),
    ],
)
def test_tells_when_credentials_would_go_elsewhere(
    owner: User, make_service: Make, data: dict[str, Any], field: str
) -> None:
    change_ = change(owner, make_service(), **data)
    assert field in change_.retargets
    assert AuditEvent.objects.filter(event=Event.SERVICE_RETARGETED).exists()


def test_tells_when_credentials_could_go_to_a_further_place(owner: User, make_service: Make) -> None:
    change_ = change(owner, make_service(), hosts=["files.zoho.eu", "commerce.zoho.eu"])
    assert (change_.is_retargeted, change_.is_widened) == (False, True)
    assert change_.added_hosts == ("files.zoho.eu",)
    told = AuditEvent.objects.get(event=Event.SERVICE_WIDENED)
    assert json.loads(told.detail)["added_hosts"] == ["files.zoho.eu"]


def test_hosts_in_another_order_are_the_same_hosts(owner: User, make_service: Make) -> None:
    hosts = ["commerce.zoho.eu", "files.zoho.eu"]
    change_ = change(owner, make_service(hosts=hosts), hosts=hosts[::-1])
    assert not change_.moves_credentials


FOLLOW = {"api": {"eu": "zohoapis.eu", "in": "zohoapis.in"}}
BEFORE = {"name": "dc", "choices": ["eu", "in"], "follow": FOLLOW}
GROWN = {"eu": "zohoapis.eu", "in": "zohoapis.in", "jp": "zohoapis.jp"}


def with_variable(make_service: Make) -> Service:
    return make_service(hosts=["commerce.zoho.eu", "www.{api}"], variables=[BEFORE])


@pytest.mark.parametrize(
    ("variable", "added"),
    [
        ({"label": "Data centre", "hint": "Look at the address."}, {}),
        (
            {"choices": ["jp", "eu", "in"], "follow": {"api": GROWN}},
            {"dc": ("jp",), "api": ("zohoapis.jp",)},
        ),
        ({"follow": FOLLOW | {"tld": {"eu": "eu", "in": "in"}}}, {"tld": ("eu", "in")}),
    ],
)
def test_a_variable_that_grows_keeps_what_its_values_mean(
    owner: User, make_service: Make, variable: dict[str, Any], added: dict[str, Any]
) -> None:
    change_ = change(owner, with_variable(make_service), variables=[{**BEFORE, **variable}])
    assert change_.retargets == ()
    assert change_.added_values == added
    assert change_.is_widened == bool(added)


@pytest.mark.parametrize(
    "variables",
    [
        [{**BEFORE, "choices": ["eu"], "follow": {"api": {"eu": "zohoapis.eu"}}}],
        [{**BEFORE, "follow": {"api": {"eu": "zohoapis.in", "in": "zohoapis.eu"}}}],
        [{**BEFORE, "follow": {"api": {"eu": "zohoapis.eu", "in": "elsewhere.example"}}}],
        [BEFORE, {"name": "shop"}],
        [{**BEFORE, "name": "region"}],
    ],
)
def test_a_variable_whose_values_mean_something_else_sends_credentials_elsewhere(
    owner: User, make_service: Make, variables: list[dict[str, Any]]
) -> None:
    change_ = change(owner, with_variable(make_service), variables=variables)
    assert change_.retargets == ("variables",)


@pytest.mark.parametrize(("before", "after"), [({"choices": ["eu"]}, {}), ({}, {"choices": ["eu"]})])
def test_a_variable_that_people_enter_is_another_than_one_they_choose(
    owner: User, make_service: Make, before: dict[str, Any], after: dict[str, Any]
) -> None:
    service = make_service(variables=[{"name": "dc"} | before])
    assert change(owner, service, variables=[{"name": "dc"} | after]).retargets == ("variables",)


def test_variables_in_another_order_are_the_same_variables(owner: User, make_service: Make) -> None:
    variables = [BEFORE, {"name": "shop"}]
    change_ = change(owner, make_service(variables=variables), variables=variables[::-1])
    assert not change_.moves_credentials


@pytest.mark.parametrize(
    "change_", [{"from": "token.other"}, {"from": ""}, {"pattern": "b(.*)r"}, {"name": "site2"}]
)
def test_what_tells_a_variable_tells_where_credentials_go(
    owner: User, make_service: Make, change_: dict[str, str]
) -> None:
    """Else its maker could have the next refresh move other people's tokens to an address of their choice."""
    variable = {"name": "site", "from": "token.token_type_hint", "pattern": "(.*)"}
    service = make_service(variables=[{**variable, "from": "token.site"}])
    changed = change(owner, service, variables=[{**variable, "from": "token.site", **change_}])
    assert changed.retargets == ("variables",)


@pytest.mark.parametrize(
    "data",
    [
        {"default_headers": {"X-Other": "2"}},
        {"headers": {}, "default_headers": {"X-Version": "1"}},
        {"default_query": {"v": "2"}},
        {"cookies": "pass"},
        {"variables": [{"name": "dc", "pattern": "eu", "hint": "Which?"}]},
        {"oauth2": {"token_fields": {"scope": "data.scope"}}},
    ],
)
def test_what_goes_out_with_requests_moves_no_credential(
    owner: User, make_service: Make, data: dict[str, Any]
) -> None:
    service = make_service(headers={"X-Version": "1"}, variables=[{"name": "dc"}])
    assert change(owner, service, **data).retargets == ()


def test_a_block_is_changed_field_by_field(owner: User, make_service: Make) -> None:
    service = make_service(oauth2={"client_id": "1000.X", "client_secret": "s"})
    change_ = change(owner, service, oauth2={"scope_separator": ","})
    config = service.auths.get().config
    assert config["scope_separator"] == ","
    assert config["token_url"] == "https://accounts.zoho.eu/oauth/v2/token"
    assert change_.fields == ("oauth2.scope_separator",)
    assert OAuthClient.objects.get().client_id == "1000.X"


def test_keeps_the_ids_of_what_stays(owner: User, make_service: Make) -> None:
    service = make_service()
    before = service.auths.get().pk
    change(owner, service, oauth2={"pkce": False})
    assert service.auths.get().pk == before


def test_an_unused_service_may_authenticate_otherwise(owner: User, make_service: Make) -> None:
    service = make_service()
    change(owner, service, auth_type="basic")
    assert service.auths.get().auth_type == "basic"


def test_in_use_it_keeps_its_authentication_and_wire_names(owner: User, make_service: Make) -> None:
    service = make_service()
    with pytest.raises(ValidationFailed) as raised:
        change(owner, service, is_in_use=True, auth_type="basic")
    assert raised.value.errors[0]["field"] == "auth_type"
    keyed = make_service(
        link_name="keyed", auth_type="api_key", api_key={"params": [{"key": "X-Key", "display_name": "Key"}]}
    )
    with pytest.raises(ValidationFailed):
        change(owner, keyed, is_in_use=True, api_key={"params": [{"key": "X-Other"}]})
    change(owner, keyed, is_in_use=True, api_key={"params": [{"key": "X-Key", "display_name": "API key"}]})
    assert keyed.auths.get().config["params"][0]["display_name"] == "API key"


def test_a_link_name_never_changes(owner: User, make_service: Make) -> None:
    service = make_service()
    with pytest.raises(ValidationFailed) as raised:
        change(owner, service, link_name="other")
    assert raised.value.errors[0]["field"] == "link_name"
    change(owner, service, link_name="zoho_commerce", name="Same")


@pytest.mark.parametrize(
    "data", [{"unknown": 1}, {"name": ""}, {"base_url": "http://x.example"}, {"oauth2": {"token_url": ""}}]
)
def test_what_is_wrong_changes_nothing(owner: User, make_service: Make, data: dict[str, Any]) -> None:
    service = make_service()
    with pytest.raises(ValidationFailed):
        change(owner, service, **data)
    service.refresh_from_db()
    assert (service.name, service.base_url) == ("Zoho Commerce", "https://commerce.zoho.eu")


def test_planning_changes_nothing(owner: User, make_service: Make) -> None:
    service = make_service()
    planned = operations.plan_change(actor=Actor.of(owner), service=service, data={"hosts": ["*.zoho.eu"]})
    assert planned.retargets == ("hosts",)
    service.refresh_from_db()
    assert service.hosts == ["commerce.zoho.eu"]


def test_is_for_its_maker_and_administrators(
    owner: User, administrator: User, teammate: User, make_service: Make
) -> None:
    service = make_service()
    with pytest.raises(NotAllowed):
        change(teammate, service, name="Mine")
    with pytest.raises(NotAllowed):
        operations.remove(actor=Actor.of(teammate), service=service)
    change(administrator, service, name="Administered")


def test_a_default_service_stays_as_it_is(administrator: User) -> None:
    service = Service.objects.create(
        link_name="github", name="GitHub", kind=Service.Kind.DEFAULT, base_url="https://api.github.com"
    )
    with pytest.raises(NotAllowed, match="default service"):
        change(administrator, service, name="Mine")
    with pytest.raises(NotAllowed, match="default service"):
        operations.remove(actor=Actor.of(administrator), service=service)


def test_deleting_wipes_the_app(owner: User, make_service: Make) -> None:
    service = make_service(oauth2={"client_id": "1000.X", "client_secret": "s"})
    operations.remove(actor=Actor.of(owner), service=service)
    assert not OAuthClient.objects.exists()
    assert AuditEvent.objects.filter(event=Event.SERVICE_DELETED, target="service:zoho_commerce").exists()
