"""What settings are read from: the environment, then files. A name without a value counts as not given.

Needs no Django set up: `manage.py serve` looks here before there are settings.
"""

import ipaddress
import os
import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_YES, _NO = {"on", "true", "yes", "1"}, {"off", "false", "no", "0"}
_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_HOST = re.compile(rf"{_NAME}|\[[0-9a-f:.]+\]")
_ORIGIN = re.compile(rf"https?://({_HOST.pattern})(:[0-9]+)?")


def read_file(path: Path) -> None:
    """Take from the file what the environment has no value for. Raises ImproperlyConfigured."""
    _forget_empty()
    try:
        if path.is_file():
            environ.Env.read_env(str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise refuse(
            str(path), f"it cannot be read ({reason}).", "Give it to this user, or correct it."
        ) from None
    _forget_empty()


def _forget_empty() -> None:
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]


def refuse(setting: str, problem: str, remedy: str) -> ImproperlyConfigured:
    """The sentence that the process ends with."""
    return ImproperlyConfigured(f"{setting}: {problem} {remedy}")


def text(name: str, default: str = "") -> str:
    """A value as it is written, less the blanks around it."""
    return os.environ.get(name, default).strip()


def entries(name: str) -> list[str]:
    """A list, written with commas."""
    return [entry.strip() for entry in text(name).split(",") if entry.strip()]


def number(name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds."""
    written = text(name, str(default))
    if not written.isascii() or not written.isdigit() or not low <= int(written) <= high:
        raise refuse(name, f"{written!r} is not a whole number from {low} to {high}.", "Correct it.")
    return int(written)


def flag(name: str, *, default: bool) -> bool:
    """On or off."""
    written = text(name).lower()
    if written not in {"", *_YES, *_NO}:
        raise refuse(name, f"{written!r} is neither on nor off.", "Write on or off.")
    return written in _YES if written else default


def one_of(name: str, *choices: str) -> str:
    """One of several words; the first unless said."""
    written = text(name, choices[0])
    if written not in choices:
        raise refuse(name, f"{written!r} is not known.", f"Choose {' or '.join(choices)}.")
    return written


def networks(name: str) -> tuple[Network, ...]:
    """CIDRs."""
    try:
        return tuple(ipaddress.ip_network(entry) for entry in entries(name))
    except ValueError as error:
        raise refuse(
            name, f"{error}.", "Write networks as CIDRs, such as 10.1.0.0/16,192.168.7.4/32."
        ) from None


def origin(name: str, url: str) -> SplitResult:
    """The parts of a URL that is a scheme, a host and perhaps a port, and nothing more."""
    if not _ORIGIN.fullmatch(url) or not _is_web_address(url):
        remedy = "Write it like https://switchboard.example.com (other alphabets in their xn-- form)."
        raise refuse(name, f"{url!r} is not an origin.", remedy)
    return urlsplit(url)


def callback(name: str, public_url: str) -> str:
    """The pattern of the callback addresses: `{PUBLIC_URL}` is filled in, `{service}` stays."""
    url = text(name, "{PUBLIC_URL}/oauth/callback/{service}").replace("{PUBLIC_URL}", public_url)
    bare = url.replace("{service}", "service")
    if not bare.isprintable() or re.search(r"[ {}#]", bare) or not _is_web_address(bare):
        raise refuse(name, f"{url!r} is not a URL.", "Begin it with {PUBLIC_URL}; only {service} may follow.")
    parts = urlsplit(bare)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise refuse(name, f"{url} is plain http: codes would travel in clear.", "Use https.")
    return url


def allowed_hosts(name: str) -> list[str]:
    """Host names; `.example.com` is a name and what is below it, `*` all."""
    written = entries(name)
    for entry in written:
        if entry != "*" and not _HOST.fullmatch(entry.lower().removeprefix(".")):
            raise refuse(name, f"{entry!r} is not a host name.", "Leave scheme, port and path out.")
    return written


def is_email(written: str) -> bool:
    """An address, or a name with an address in angle brackets?"""
    return written.isprintable() and "@" in parseaddr(written)[1]


def is_loopback(host: str) -> bool:
    """This machine, whoever asks?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_web_address(url: str) -> bool:
    """A URL of http or https with a host and no user, whose port is none or a port?"""
    try:
        parts = urlsplit(url)
        is_good = parts.port != 0
    except ValueError:
        return False
    return is_good and parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
