"""URLs and hosts of a definition, with whatever its variables can make of them.

A variable in a host is one of its choices, or one DNS label before a fixed suffix: else whoever fills it
in would choose where the credential goes.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outbound import guard
from outbound.errors import AddressNotAllowed, BadAddress, HostNotAllowed
from services.target import HOST_NAME, PLACEHOLDER, PUBLIC_URL, names_of, placeholders, values_of

_SAMPLE = "x"  # stands for a label that a person will enter
_SUFFIX = re.compile(r"[a-z0-9-]*(\.[a-z0-9-]+){2,}(:\d+)?", re.ASCII)
_AUTHORITY = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#\\]*)")

Variables = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Checks a definition's addresses. ``declared`` are the names that may stand between braces."""

    variables: Variables
    is_builtin: bool = False

    def url_problem(self, url: str, kept: frozenset[str] = frozenset()) -> str:
        """What is wrong with a URL, in a sentence; empty where nothing is."""
        problem = self.placeholder_problem(url, kept)
        if problem or self._is_ours(url):
            return problem
        found = _AUTHORITY.match(url)
        if found and placeholders(found[1]) & kept:
            return "A key never stands in the host."
        problem = self._host_variable_problem(found[1]) if found else ""
        return problem or self._first_bad(url, guard.check_definition_url)

    def host_problem(self, pattern: str) -> str:
        """What is wrong with an allowed host; empty where nothing is."""
        if self.is_builtin and pattern == f"{{{PUBLIC_URL}}}":
            return ""
        return (
            self.placeholder_problem(pattern)
            or self._host_variable_problem(pattern)
            or self._first_bad(pattern, _check_pattern)
        )

    def spelt(self, hosts: Sequence[str]) -> list[str]:
        """The allowed hosts in their one spelling, each once."""
        return list(
            dict.fromkeys(guard.check_host_pattern(each, is_builtin=self.is_builtin) for each in hosts)
        )

    def is_covered(self, url: str, hosts: Sequence[str]) -> bool:
        """Is the URL's host one of the allowed ones, whatever the choices?"""
        if self._is_ours(url):
            return True
        try:
            for values in self.samples(url, *hosts):
                filled = [_filled(pattern, values) for pattern in hosts]
                guard.destination(_filled(url, values), hosts=filled, is_builtin=self.is_builtin)
        except HostNotAllowed:
            return False
        except AddressNotAllowed:
            return True  # its host is; that it may not be reached is told where it is named
        return True

    def placeholder_problem(self, text: str, kept: frozenset[str] = frozenset()) -> str:
        problem = self.unknown_problem(text, kept)
        if problem:
            return problem
        rest = PLACEHOLDER.sub("", text)
        if "{" in rest or "}" in rest:
            return "Braces hold the name of a variable, in small letters, digits and underscores."
        return ""

    def unknown_problem(self, text: str, kept: frozenset[str] = frozenset()) -> str:
        """For text in which other braces are text, too."""
        unknown = sorted(placeholders(text) - self._names - kept)
        return f"{{{unknown[0]}}} is not one of this service’s variables." if unknown else ""

    def samples(self, *texts: str) -> Iterator[dict[str, str]]:
        """Values to try: each choice of each variable that stands in the texts, the others at their first."""
        wanted = frozenset().union(*(placeholders(text) for text in texts))
        used = [variable for variable in self.variables if wanted & names_of(variable)]
        first: dict[str, str] = {}
        for variable in used:
            first |= values_of(variable, (variable["choices"] or [_SAMPLE])[0])
        yield first
        for variable in used:
            for choice in variable["choices"][1:]:
                yield first | values_of(variable, choice)

    @property
    def _names(self) -> frozenset[str]:
        own = {PUBLIC_URL} if self.is_builtin else set()
        return frozenset(own).union(*(names_of(variable) for variable in self.variables))

    def _ranges(self) -> Iterator[tuple[str, list[str]]]:
        """Each placeholder and the values it can have; no values: a person enters one."""
        for variable in self.variables:
            yield variable["name"], variable["choices"]
            for name, table in variable["follow"].items():
                yield name, list(table.values())

    def _is_ours(self, url: str) -> bool:
        return self.is_builtin and url.startswith((f"{{{PUBLIC_URL}}}/practice/", f"{{{PUBLIC_URL}}}/api/v1"))

    def _first_bad(self, text: str, check: Callable[..., None]) -> str:
        for values in self.samples(text):
            try:
                check(_filled(text, values), is_builtin=self.is_builtin)
            except BadAddress as problem:
                return str(problem)
        return ""

    def _host_variable_problem(self, host: str) -> str:
        for name, choices in self._ranges():
            if name not in placeholders(host):
                continue
            if any(not HOST_NAME.fullmatch(choice) for choice in choices):
                return f"The choices of {name} stand in a host: small letters, digits, hyphens and dots only."
            after = host.rsplit(f"{{{name}}}", 1)[1]
            if not choices and not all(
                _SUFFIX.fullmatch(_filled(after, values)) for values in self.samples(host)
            ):
                return f"{{{name}}} needs a fixed name after it, such as {{{name}}}.example.com."
        return ""


def host_names(url_or_pattern: str) -> frozenset[str]:
    """The variables that stand in a URL's or a pattern's host."""
    found = _AUTHORITY.match(url_or_pattern)
    return placeholders(found[1] if found else url_or_pattern.partition("/")[0])


def _check_pattern(pattern: str, *, is_builtin: bool) -> None:
    guard.check_host_pattern(pattern, is_builtin=is_builtin)
    if pattern.startswith("*.") and "." not in pattern[2:]:
        raise BadAddress("After *. comes a name of two parts at least, such as *.example.com.")


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
