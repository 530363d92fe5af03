"""The catalogue: one TOML file a default service. The files are the truth; the rows follow them.

A file that is wrong is named with its key and left out; the others are loaded. What is unchanged is
untouched, and ids stay, so that connections go on working.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from pydantic import ValidationError

from problems import ValidationFailed
from services import auth_types, clients, definition, rows
from services.changes import compare
from services.definition import Definition
from services.definition.words import sentences
from services.entry import Facts
from services.models import Service
from services.target import PUBLIC_URL

OWN_FOLDER = Path(__file__).parent / "catalogue"
_OWN_KEYS = frozenset(Facts.model_fields)
# A client's values by the contract's names, or by those of the authentication type's own block.
_CLIENT_NAMES = {name: name for name in definition.CLIENT_VALUES} | {
    own: name
    for auth_type in auth_types.ALL
    for name, own in zip(definition.CLIENT_VALUES, auth_type.client_fields, strict=False)
}
_PRACTICE = "practice_"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, and where in it."""

    file: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.message}" if self.field else f"{self.file}: {self.message}"


@dataclass(slots=True)
class Report:
    """What a load did. ``waiting``: what an administrator must take over, since credentials would go
    elsewhere, or to further places."""

    loaded: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A catalogue file, checked. ``row``: what a service's row has besides its definition."""

    defined: Definition
    is_builtin: bool
    row: Mapping[str, Any]
    client: Mapping[str, str] = field(repr=False)


def load(*, folders: tuple[Path, ...] | None = None) -> Report:
    """Bring the default services to what the files say, in one transaction."""
    report = Report()
    told = _entries(_folders() if folders is None else folders, report)
    with transaction.atomic():
        held = Service.objects.select_for_update().order_by("pk")  # no connection is made to them meanwhile
        there = {service.link_name: service for service in held.prefetch_related("auths")}
        for link_name, entry in told.items():
            service = there.get(link_name) or Service(link_name=link_name, kind=Service.Kind.DEFAULT)
            _bring(service, entry, report)
        _retire(told, report)
    return report


def entries(*, folders: tuple[Path, ...] | None = None) -> tuple[dict[str, Entry], list[Problem]]:
    """What the files say, by link name, and what is wrong with those that say it wrong; no database."""
    report = Report()
    found = _entries(_folders() if folders is None else folders, report)
    return found, report.problems


def parse(text: str, *, link_name: str, is_ours: bool = True) -> Entry:
    """The entry that a file spells. Raises ValidationFailed. ``is_ours``: it may be a built-in service."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValidationFailed.of("", f"This is not TOML: {error}.") from None
    own = {key: data.pop(key) for key in _OWN_KEYS & data.keys()}
    client = data.pop("client", {})
    if data.setdefault("link_name", link_name) != link_name:
        raise ValidationFailed.of("link_name", f"It follows from the file’s name: {link_name}.")
    facts = _facts(own, client)
    is_builtin = is_ours and f"{{{PUBLIC_URL}}}" in str(data.get("base_url", ""))
    return Entry(
        defined=definition.parse(data, is_builtin=is_builtin),
        is_builtin=is_builtin,
        row={**facts.row, "is_builtin": is_builtin},
        client={_CLIENT_NAMES[key]: value for key, value in client.items()},
    )


def _is_client(client: Any) -> bool:
    if not isinstance(client, dict) or not set(client) <= set(_CLIENT_NAMES):
        return False
    has_id = "client_id" in {_CLIENT_NAMES[name] for name in client}
    return not client or (has_id and all(isinstance(value, str) for value in client.values()))


def _folders() -> tuple[Path, ...]:
    return (OWN_FOLDER, *([Path(settings.CATALOGUE_DIR)] if settings.CATALOGUE_DIR else []))


def _files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            if settings.PRACTICE or not path.stem.startswith(_PRACTICE):
                yield path


def _entries(folders: tuple[Path, ...], report: Report) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for path in _files(folders):
        entry = _read(path, report)
        if entry:
            found[path.stem] = entry
    _share_steps(found, report)
    return found


def _read(path: Path, report: Report) -> Entry | None:
    try:
        text = path.read_text(encoding="utf-8")
        return parse(text, link_name=path.stem, is_ours=path.parent == OWN_FOLDER)
    except (OSError, UnicodeDecodeError) as error:
        report.problems.append(Problem(path.name, "", f"It cannot be read ({type(error).__name__})."))
    except ValidationFailed as error:
        report.problems += [Problem(path.name, each["field"], each["message"]) for each in error.errors]
    return None


def _facts(own: Mapping[str, Any], client: Any) -> Facts:
    errors: list[dict[str, str]] = []
    if not _is_client(client):
        message = f"It takes texts: an id and secrets, named {', '.join(sorted(_CLIENT_NAMES))}."
        errors.append({"field": "client", "message": message})
    try:
        facts = Facts.model_validate(own)
    except ValidationError as error:
        errors += sentences(error)
    if errors:
        raise ValidationFailed(errors)
    return facts


def _share_steps(entries: Mapping[str, Entry], report: Report) -> None:
    """An entry whose app is registered as another's takes that one's steps."""
    for link_name, entry in entries.items():
        like = entry.row["meta"].get("app_like")
        if like and like in entries:
            entry.row["meta"]["app_steps"] = entries[like].row["meta"].get("app_steps", [])
        elif like:
            report.problems.append(
                Problem(f"{link_name}.toml", "meta.app_like", f"There is no entry {like}.")
            )


def _bring(service: Service, entry: Entry, report: Report) -> None:
    link_name = service.link_name
    if service.is_custom:
        message = "A custom service has this link name already; the file was left out."
        report.problems.append(Problem(f"{link_name}.toml", "link_name", message))
        return
    if _must_wait(service, entry):
        for name, value in {**entry.row, "is_retired": False, "is_outdated": True}.items():
            setattr(service, name, value)
        service.save()
        report.waiting.append(link_name)
    elif not _is_current(service, entry):
        report.problems += _store(service, entry)
    _bring_client(service, entry.client)
    report.loaded.append(link_name)


def _store(service: Service, entry: Entry) -> list[Problem]:
    for name, value in {**entry.row, "is_retired": False, "is_outdated": False}.items():
        setattr(service, name, value)
    rows.store(service, entry.defined)
    message = "Connections use this way to authenticate, which the file no longer has; it was kept."
    return [
        Problem(f"{service.link_name}.toml", f"auth {auth.name}", message)
        for auth in rows.store_auths(service, entry.defined)
    ]


def _must_wait(service: Service, entry: Entry) -> bool:
    """Do connections stand on it, whose credentials the new entry would send elsewhere, or to further places?
    Built-in services are ours: theirs go nowhere else."""
    if entry.is_builtin or not compare(service, entry.defined).moves_credentials:
        return False
    return service.auths.filter(connections__isnull=False).exists()


def newer(service: Service) -> Entry | None:
    """What the catalogue says now of a default service that is outdated; ``None`` where it says nothing."""
    paths = [path for path in _files(_folders()) if path.stem == service.link_name]
    return _read(paths[-1], Report()) if paths and service.is_outdated else None


def take_over(service: Service, entry: Entry) -> None:
    """Bring a service to what the catalogue says now; what stands on it is the caller's to mind."""
    _store(service, entry)
    _bring_client(service, entry.client)


def _is_current(service: Service, entry: Entry) -> bool:
    if service.is_retired or service.is_outdated:
        return False
    if any(getattr(service, name) != value for name, value in entry.row.items()):
        return False
    names = [auth.name for auth in service.auths.all()]
    return names == [auth.name for auth in entry.defined.auths] and not compare(service, entry.defined).fields


def _bring_client(service: Service, client: Mapping[str, str]) -> None:
    """The app that a file brings along; stored anew only where it differs."""
    if not client:
        return
    given = definition.keys_of(client)
    for auth in service.auths.all():
        held = clients.client_of(auth) if clients.takes_client(auth) else None
        if clients.takes_client(auth) and held != given:
            clients.store(
                auth,
                client_id=given.client_id,
                client_secret=given.client_secret,
                private_key=given.private_key,
            )


def _retire(entries: Mapping[str, Entry], report: Report) -> None:
    """Services whose files are gone stay for the connections that use them, and out of the lists."""
    named = {problem.file.removesuffix(".toml") for problem in report.problems}
    gone = Service.objects.filter(kind=Service.Kind.DEFAULT, is_retired=False).exclude(
        link_name__in=[*entries, *named]
    )
    report.retired += list(gone.values_list("link_name", flat=True))
    gone.update(is_retired=True)
