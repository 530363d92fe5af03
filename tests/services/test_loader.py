from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from connections.models import Connection
from people.models import User
from problems import ValidationFailed
from services import clients, loader
from services.models import OAuthClient, Service
from tests.services.conftest import Make

GITHUB = """
name = "GitHub"
category = "Developer tools"
docs_url = "https://docs.github.com/rest"
base_url = "https://api.github.com"
test = { path = "/user" }

[meta]
aliases = ["octocat"]

[[auth]]
auth_type = "oauth2"
[auth.oauth2]
authorize_url = "https://github.com/login/oauth/authorize"
token_url = "https://github.com/login/oauth/access_token"

[[auth]]
name = "token"
label = "Personal access token"
auth_type = "api_key"
param_type = "header"
[auth.api_key]
params = [{ key = "Authorization", display_name = "Token", prefix = "Bearer " }]
"""
EXPIRED = "status = 401, means = 'expired'"
BUILT_IN = """
name = "Practice"
base_url = "{public_url}/practice/api"
[[auth]]
auth_type = "oauth1"
[auth.oauth1]
[client]
consumer_key = "known"
consumer_secret = "to everybody"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "github.toml").write_text(GITHUB, encoding="utf-8")
    return tmp_path


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A catalogue that counts as the product's own, whose entries may be built in."""
    monkeypatch.setattr(loader, "OWN_FOLDER", tmp_path)
    (tmp_path / "practice_x.toml").write_text(BUILT_IN, encoding="utf-8")
    return tmp_path


@pytest.mark.django_db
def test_brings_the_services_of_the_files(folder: Path) -> None:
    report = loader.load(folders=(folder,))
    service = Service.objects.get(link_name="github")
    assert (report.loaded, report.problems) == (["github"], [])
    assert (service.kind, service.category, service.meta["aliases"]) == (
        "default",
        "Developer tools",
        ["octocat"],
    )
    assert service.hosts == ["api.github.com"]
    assert [(auth.name, auth.label) for auth in service.auths.all()] == [
        ("oauth2", "OAuth 2"),
        ("token", "Personal access token"),
    ]
    assert service.auths.get(name="token").config["params"][0]["prefix"] == "Bearer "


@pytest.mark.django_db
def test_a_second_load_changes_nothing(folder: Path) -> None:
    loader.load(folders=(folder,))
    before = Service.objects.get()
    ids = set(before.auths.values_list("pk", flat=True))
    report = loader.load(folders=(folder,))
    after = Service.objects.get()
    assert (after.pk, after.updated_at) == (before.pk, before.updated_at)
    assert set(after.auths.values_list("pk", flat=True)) == ids
    assert report.problems == []


@pytest.mark.django_db
def test_follows_a_changed_file_and_keeps_ids(folder: Path) -> None:
    loader.load(folders=(folder,))
    before = set(Service.objects.get().auths.values_list("pk", flat=True))
    changed = GITHUB.replace("Developer tools", "Code").replace("access_token", "other_token")
    (folder / "github.toml").write_text(changed, encoding="utf-8")
    loader.load(folders=(folder,))
    service = Service.objects.get()
    assert service.category == "Code"
    assert service.auths.get(name="oauth2").config["token_url"].endswith("other_token")
    assert set(service.auths.values_list("pk", flat=True)) == before


@pytest.mark.django_db
def test_keeps_the_app_that_an_administrator_entered(folder: Path) -> None:
    loader.load(folders=(folder,))
    auth = Service.objects.get().auths.get(name="oauth2")
    OAuthClient.objects.create(auth=auth, client_id="ours")
    (folder / "github.toml").write_text(GITHUB.replace("GitHub", "GitHub.com"), encoding="utf-8")
    loader.load(folders=(folder,))
    assert OAuthClient.objects.get().client_id == "ours"


@pytest.mark.django_db
def test_a_file_that_is_gone_retires_its_service(folder: Path) -> None:
    loader.load(folders=(folder,))
    (folder / "github.toml").unlink()
    assert loader.load(folders=(folder,)).retired == ["github"]
    assert Service.objects.get().is_retired
    (folder / "github.toml").write_text(GITHUB, encoding="utf-8")
    loader.load(folders=(folder,))
    assert not Service.objects.get().is_retired


@pytest.mark.django_db
def test_names_the_file_and_the_key_and_loads_the_rest(folder: Path) -> None:
    (folder / "broken.toml").write_text("name = ", encoding="utf-8")
    (folder / "latin.toml").write_bytes(b'name = "\xff"')
    bad = GITHUB.replace("https://github.com/login", "http://github.com/login")
    (folder / "plain.toml").write_text(bad, encoding="utf-8")
    report = loader.load(folders=(folder,))
    assert report.loaded == ["github"]
    told = {str(problem).split(":")[0] for problem in report.problems}
    assert told == {"broken.toml", "latin.toml", "plain.toml"}
    assert any(str(each).startswith("plain.toml: auth.0.oauth2.token_url: ") for each in report.problems)


@pytest.mark.django_db
def test_a_file_that_became_wrong_does_not_retire_its_service(folder: Path) -> None:
    loader.load(folders=(folder,))
    (folder / "github.toml").write_text("name = ", encoding="utf-8")
    assert loader.load(folders=(folder,)).retired == []
    assert not Service.objects.get().is_retired


def test_leaves_a_custom_service_of_that_name_alone(folder: Path, make_service: Make) -> None:
    make_service(link_name="github", name="Mine")
    report = loader.load(folders=(folder,))
    assert report.loaded == []
    assert "custom service has this link name" in str(report.problems[0])
    assert Service.objects.get().name == "Mine"


def test_new_words_reach_a_service_in_use_and_new_addresses_wait(folder: Path, owner: User) -> None:
    loader.load(folders=(folder,))
    service = Service.objects.get()
    auth = service.auths.get(name="oauth2")
    Connection.objects.create(auth=auth, name="x", link_name="x", created_by=owner)
    (folder / "github.toml").write_text(
        GITHUB.replace('name = "GitHub"', 'name = "Git Hub"'), encoding="utf-8"
    )
    assert loader.load(folders=(folder,)).waiting == []
    moved = GITHUB.replace("access_token", "other_token").replace("Developer tools", "Code")
    (folder / "github.toml").write_text(moved, encoding="utf-8")

    for _ in range(2):
        assert loader.load(folders=(folder,)).waiting == ["github"]

    service.refresh_from_db()
    auth.refresh_from_db()
    assert (service.name, service.category, service.is_outdated) == ("Git Hub", "Code", True)
    assert auth.config["token_url"].endswith("access_token")
    (folder / "github.toml").write_text(GITHUB, encoding="utf-8")
    assert loader.load(folders=(folder,)).waiting == []
    service.refresh_from_db()
    assert not service.is_outdated


@pytest.mark.parametrize(
    ("line", "is_moved"),
    [
        ('hint = "Look at the address bar."', False),
        ('pattern = "[a-z]{1,9}"', False),
        ('choices = ["eu", "us"]', True),
    ],
)
def test_words_about_a_variable_move_nothing_and_its_values_do(
    folder: Path, owner: User, line: str, is_moved: bool
) -> None:
    with_variable = GITHUB.replace("[meta]", '[[variables]]\nname = "dc"\nexample = "eu"\n\n[meta]')
    (folder / "github.toml").write_text(with_variable, encoding="utf-8")
    loader.load(folders=(folder,))
    auth = Service.objects.get().auths.get(name="oauth2")
    Connection.objects.create(auth=auth, name="x", link_name="x", created_by=owner)
    (folder / "github.toml").write_text(
        with_variable.replace("[meta]", f"{line}\n\n[meta]"), encoding="utf-8"
    )

    assert loader.load(folders=(folder,)).waiting == (["github"] if is_moved else [])


def test_a_further_host_waits_too(folder: Path, owner: User) -> None:
    loader.load(folders=(folder,))
    service = Service.objects.get()
    auth = service.auths.get(name="oauth2")
    Connection.objects.create(auth=auth, name="x", link_name="x", created_by=owner)
    further = GITHUB.replace(
        'base_url = "https://api.github.com"',
        'base_url = "https://api.github.com"\nhosts = ["api.github.com", "uploads.github.com"]',
    )
    (folder / "github.toml").write_text(further, encoding="utf-8")

    assert loader.load(folders=(folder,)).waiting == ["github"]
    service.refresh_from_db()
    assert service.hosts == ["api.github.com"]


def test_another_authentication_type_waits_too(folder: Path, owner: User) -> None:
    loader.load(folders=(folder,))
    auth = Service.objects.get().auths.get(name="token")
    Connection.objects.create(auth=auth, name="x", link_name="x", created_by=owner)
    basic = GITHUB[: GITHUB.index('auth_type = "api_key"')] + 'auth_type = "basic"\n[auth.basic]\n'
    (folder / "github.toml").write_text(basic, encoding="utf-8")

    assert loader.load(folders=(folder,)).waiting == ["github"]
    auth.refresh_from_db()
    assert auth.auth_type == "api_key"


def test_keeps_a_way_to_authenticate_that_connections_use(folder: Path, owner: User) -> None:
    loader.load(folders=(folder,))
    auth = Service.objects.get().auths.get(name="token")
    Connection.objects.create(auth=auth, name="x", link_name="x", created_by=owner)
    shorter = GITHUB[: GITHUB.index('[[auth]]\nname = "token"')]
    (folder / "github.toml").write_text(shorter, encoding="utf-8")
    report = loader.load(folders=(folder,))
    assert "auth token" in str(report.problems[0])
    assert Service.objects.get().auths.filter(pk=auth.pk).exists()


@pytest.mark.django_db
def test_a_built_in_service_brings_its_app_along(own_folder: Path, settings: Settings) -> None:
    settings.PRACTICE = True
    loader.load(folders=(own_folder,))
    service = Service.objects.get()
    assert service.is_builtin
    keys = clients.client_of(service.auths.get())
    assert keys is not None
    assert keys.client_id == "known"
    version = OAuthClient.objects.get().version
    loader.load(folders=(own_folder,))
    assert OAuthClient.objects.get().version == version


@pytest.mark.django_db
def test_practice_services_are_retired_while_practice_is_off(own_folder: Path, settings: Settings) -> None:
    settings.PRACTICE = True
    loader.load(folders=(own_folder,))
    settings.PRACTICE = False
    assert loader.load(folders=(own_folder,)).retired == ["practice_x"]


@pytest.mark.django_db
def test_only_our_own_catalogue_has_built_in_services(folder: Path, settings: Settings) -> None:
    settings.PRACTICE = True
    (folder / "practice_y.toml").write_text(BUILT_IN, encoding="utf-8")
    report = loader.load(folders=(folder,))
    assert report.loaded == ["github"]
    assert report.problems[0].file == "practice_y.toml"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('link_name = "other"', "link_name"),
        ("category = 5", "category"),
        ('docs_url = "javascript:alert(1)"', "docs_url"),
        ("meta = { colours = 1 }", "meta.colours"),
        ('meta = { app_steps = "Click." }', "meta.app_steps"),
        ('meta = { verified = { at = "yesterday", level = "full" } }', "meta.verified.at"),
        ('meta = { life = { idle = "2 weeks" } }', "meta.life.idle"),
        (f"meta = {{ failures = [{{ where = 'body', {EXPIRED} }}] }}", "meta.failures.0.where"),
        (f"meta = {{ failures = [{{ where = 'text', match = '~(', {EXPIRED} }}] }}", "meta.failures.0.match"),
        ('icon = "../x.svg"', "icon"),
        ('meta = { app_page = "http://x.example" }', "meta.app_page"),
        ('client = { client_secret = "x" }', "client"),
        ("client = { client_id = 5 }", "client"),
        ("unknown = 1", "unknown"),
    ],
)
def test_checks_what_only_the_catalogue_has(line: str, field: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    lines = [each for each in GITHUB.splitlines() if not each.startswith(f"{key} ")]
    text = "\n".join([line, *lines])
    if key == "meta":
        text = text.replace('[meta]\naliases = ["octocat"]\n', "")
    with pytest.raises(ValidationFailed) as raised:
        loader.parse(text, link_name="github")
    assert field in [error["field"] for error in raised.value.errors]


@pytest.mark.django_db
def test_reads_the_operators_folder_too(folder: Path, settings: Settings) -> None:
    settings.CATALOGUE_DIR = str(folder)
    (folder / "our_own.toml").write_text(GITHUB, encoding="utf-8")
    (folder / "github.toml").unlink()
    call_command("load_catalogue")
    assert Service.objects.filter(link_name="our_own").exists()


@pytest.mark.django_db
def test_the_command_fails_when_a_file_is_wrong(
    folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CATALOGUE_DIR = str(folder)
    (folder / "broken.toml").write_text("name = ", encoding="utf-8")
    (folder / "github.toml").unlink()
    with pytest.raises(CommandError, match="the rest is loaded"):
        call_command("load_catalogue")
    assert "broken.toml" in capsys.readouterr().err


@pytest.mark.django_db
def test_every_entry_of_our_catalogue_is_right() -> None:
    report = loader.load()
    assert [str(problem) for problem in report.problems] == []
    assert len(report.loaded) >= 25
