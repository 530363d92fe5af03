import pytest
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from people.actor import Actor
from people.models import User
from problems import NotAllowed, NotFound
from services import clients, operations
from services.models import Service
from tests.services.conftest import Make


@pytest.fixture
def catalogue(db: None) -> list[Service]:
    return [
        Service.objects.create(
            link_name=link_name,
            name=name,
            kind=Service.Kind.DEFAULT,
            base_url="https://api.example.com",
            category=category,
            meta={"aliases": aliases},
        )
        for link_name, name, category, aliases in (
            ("github", "GitHub", "Developer tools", ["octocat"]),
            ("gmail", "Gmail", "Google", ["google mail"]),
        )
    ]


def found(user: User, **options: object) -> list[str]:
    return [each.link_name for each in operations.find_services(actor=Actor.of(user), **options)]  # type: ignore[arg-type]


def test_finds_by_name_link_name_category_and_alias(owner: User, catalogue: list[Service]) -> None:
    assert found(owner) == ["github", "gmail"]
    assert found(owner, q="hub") == ["github"]
    assert found(owner, q="OCTOCAT") == ["github"]
    assert found(owner, q="google mail") == ["gmail"]
    assert found(owner, q="developer github") == ["github"]
    assert found(owner, category="Google") == ["gmail"]
    assert found(owner, q="nothing like it") == []
    assert found(owner, q="a\x00b%_'\"") == []


@pytest.mark.parametrize("typed", ["gmial", "gmal", "gmaill", "gmali", "octacat", "gihtub", "devloper tools"])
def test_forgives_a_typing_error(owner: User, catalogue: list[Service], typed: str) -> None:
    assert found(owner, q=typed) == ["gmail" if "gm" in typed else "github"]


@pytest.mark.parametrize("typed", ["gxyl", "gma1l2", "hob", "zzzz", "github nothing"])
def test_forgives_no_more_than_that(owner: User, catalogue: list[Service], typed: str) -> None:
    assert found(owner, q=typed) == []


def test_reads_no_more_of_a_query_than_people_type(owner: User, catalogue: list[Service]) -> None:
    assert found(owner, q="github" + " " * 100 + "nothing " * 5000) == ["github"]


def test_what_is_meant_comes_first(owner: User, catalogue: list[Service]) -> None:
    for link_name, name, rank in (("mail", "Mail", 900), ("mailgun", "Mailgun", 5), ("zmail", "Z Mail", 1)):
        Service.objects.create(
            link_name=link_name,
            name=name,
            kind="default",
            base_url="https://api.example.com",
            meta={"rank": rank},
        )
    listed = operations.find_services(actor=Actor.of(owner), q="mail")
    names = [each.name for each in operations.best_first("mail", operations.briefly(listed))]
    assert names == ["Mail", "Mailgun", "Z Mail", "Gmail"]


def test_categories_are_counted(owner: User, catalogue: list[Service], make_service: Make) -> None:
    make_service()
    assert operations.categories(actor=Actor.of(owner)) == [("Developer tools", 1), ("Google", 1)]


def test_tells_default_from_custom(owner: User, catalogue: list[Service], make_service: Make) -> None:
    make_service()
    assert found(owner, kind="custom") == ["zoho_commerce"]
    assert found(owner, kind="default") == ["github", "gmail"]


def test_hidden_services_are_for_administrators_who_ask(
    owner: User, administrator: User, catalogue: list[Service]
) -> None:
    operations.set_hidden(actor=Actor.of(administrator), service=catalogue[0], is_hidden=True)
    assert found(owner, include_hidden=True) == ["gmail"]
    assert found(administrator) == ["gmail"]
    assert found(administrator, include_hidden=True) == ["github", "gmail"]
    with pytest.raises(NotAllowed):
        operations.set_hidden(actor=Actor.of(owner), service=catalogue[0], is_hidden=False)


def test_retired_services_are_not_offered_but_still_there(owner: User, catalogue: list[Service]) -> None:
    Service.objects.filter(link_name="gmail").update(is_retired=True)
    assert found(owner) == ["github"]
    assert operations.get_service(actor=Actor.of(owner), link_name="gmail").name == "Gmail"


@pytest.mark.parametrize("link_name", ["nothing", "", "a\x00b"])
def test_says_when_there_is_none(owner: User, link_name: str) -> None:
    with pytest.raises(NotFound):
        operations.get_service(actor=Actor.of(owner), link_name=link_name)


def test_a_list_costs_the_same_however_long_it_is(
    owner: User, make_service: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(4):
        make_service(link_name=f"service_{index}", oauth2={"client_id": "x", "client_secret": "y"})
    queries: CaptureQueriesContext
    with django_assert_num_queries(3) as queries:
        for service in operations.find_services(actor=Actor.of(owner)):
            assert not clients.lacking(service)
    assert len(queries) == 3
