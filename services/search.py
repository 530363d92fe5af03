"""Finding services by what people type: names, link names, categories and the other names that are in use."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz.distance import OSA

SHORTEST_FORGIVEN = 4  # a shorter word with an error in it could be any other
LONG = 8
LONGEST_QUERY = 100  # characters; what comes after them is nobody's search


@dataclass(frozen=True, slots=True)
class Listed:
    """What is looked at of a service. ``rank``: 1 is the best known, ``None`` not at all."""

    pk: UUID
    name: str
    link_name: str
    category: str
    aliases: Iterable[str]
    rank: int | None

    @property
    def text(self) -> str:
        """Everything that it is called, in small letters."""
        return " ".join((self.name, self.link_name, self.category, *self.aliases)).casefold()


def words_of(query: str) -> list[str]:
    """The words that are searched for, each once."""
    return list(dict.fromkeys(query[:LONGEST_QUERY].replace("\x00", "").split()))


def best_first(query: str, services: Iterable[Listed]) -> list[UUID]:
    """Those that have every word of the query; where none has, those with words that are nearly the same."""
    words = words_of(query.casefold())
    listed = list(services)
    found = [each for each in listed if all(word in each.text for word in words)]
    if not found:
        found = [each for each in listed if all(_is_near(word, each.text) for word in words)]
    return [each.pk for each in sorted(found, key=lambda each: _place(words, each))]


def _is_near(word: str, text: str) -> bool:
    """Is it in the text but for one error (two in a long word): a letter more, less, other or swapped?"""
    if word in text:
        return True
    if len(word) < SHORTEST_FORGIVEN:
        return False
    errors = 2 if len(word) >= LONG else 1
    parts = text.replace("_", " ").split()
    return any(OSA.distance(word, each, score_cutoff=errors) <= errors for each in _beginnings(word, parts))


def _beginnings(word: str, parts: list[str]) -> Iterable[str]:
    """Whole words, and as much of a longer one as has been typed: people stop before its end."""
    for part in parts:
        yield part
        yield part[: len(word)]


def _place(words: list[str], service: Listed) -> tuple[int, int, str]:
    """A name that is meant before one that only holds the words, the better known first."""
    query, name = " ".join(words), service.name.casefold()
    aliases = [alias.casefold() for alias in service.aliases]
    if name == query or query in aliases or service.link_name == query.replace(" ", "_"):
        nearness = 0
    elif name.startswith(query):
        nearness = 1
    else:
        nearness = 2 if all(word in name for word in words) else 3
    return nearness, service.rank or 10_000, name
