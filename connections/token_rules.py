"""What an API token is narrowed to: checked when it is made, and never wider than its maker's."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connections import access
from connections.errors import ActingForOthers, TokenNotAllowed
from people import addresses
from people.actor import Actor
from people.models import User

EVERYBODY = "*"
OPERATOR = "operator"  # who set ``act_for`` at the command line, where it holds whatever the owner's role
_METHOD = re.compile(r"[A-Z]{1,20}")

Errors = list[dict[str, str]]
Rules = dict[str, Any]


def checked(
    *,
    actor: Actor,
    connections: Sequence[str] | None,
    methods: Sequence[str],
    networks: Sequence[str],
    act_for: Sequence[str],
    is_by_operator: bool,
    errors: Errors,
) -> Rules:
    """The rules as they are stored: ids in place of link names and e-mail addresses.

    Raises ActingForOthers.
    """
    if act_for and not (actor.user.is_administrator or is_by_operator):
        raise ActingForOthers
    rules: Rules = {
        "connections": _connections(actor, connections, errors),
        "methods": _methods(methods, errors),
        "networks": _networks(networks, errors),
        "act_for": _act_for(act_for, errors),
    }
    return rules | {"act_for_by": OPERATOR} if act_for and is_by_operator else rules


def within(maker: Mapping[str, Any], asked: Mapping[str, Any]) -> Rules:
    """What a token with the rules ``maker`` asks for, or its own where it says nothing.

    Raises TokenNotAllowed for anything wider.
    """
    methods = _narrow("methods", asked["methods"] or None, maker.get("methods") or None, _is_subset)
    networks = _narrow("networks", asked["networks"] or None, maker.get("networks") or None, _are_inside)
    return {
        "connections": _narrow("connections", asked["connections"], maker.get("connections"), _is_subset),
        "methods": methods or [],
        "networks": networks or [],
        "act_for": _narrow("act_for", asked["act_for"], maker.get("act_for") or [], _may_act),
    }


def is_within(maker: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    """Is a token with ``rules`` no wider than one with the rules ``maker``?"""
    acts_for = rules.get("act_for") or []
    return (
        _is_no_wider(rules.get("connections"), maker.get("connections"), _is_subset)
        and _is_no_wider(rules.get("methods") or None, maker.get("methods") or None, _is_subset)
        and _is_no_wider(rules.get("networks") or None, maker.get("networks") or None, _are_inside)
        and _may_act(acts_for, maker.get("act_for") or [])
    )


def _is_no_wider(
    asked: list[str] | None, limit: list[str] | None, is_inside: Callable[[list[str], list[str]], bool]
) -> bool:
    return limit is None or (asked is not None and is_inside(asked, limit))


def _narrow(
    name: str,
    asked: list[str] | None,
    limit: list[str] | None,
    is_inside: Callable[[list[str], list[str]], bool],
) -> list[str] | None:
    """``None``, on either side, narrows nothing."""
    if limit is None or asked is None:
        return asked if limit is None else limit
    if not is_inside(asked, limit):
        raise TokenNotAllowed(f"An API token cannot make one with wider `{name}` than its own.")
    return asked


def _is_subset(asked: list[str], limit: list[str]) -> bool:
    return set(asked) <= set(limit)


def _may_act(asked: list[str], limit: list[str]) -> bool:
    return EVERYBODY in limit or set(asked) <= set(limit)


def _are_inside(asked: list[str], limit: list[str]) -> bool:
    outer = [addresses.network(entry) for entry in limit]
    return all(any(_is_inside(addresses.network(entry), one) for one in outer) for entry in asked)


def _is_inside(inner: addresses.Network, outer: addresses.Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _connections(actor: Actor, given: Sequence[str] | None, errors: Errors) -> list[str] | None:
    if given is None:
        return None
    ids = dict(access.visible(actor).filter(link_name__in=given).values_list("link_name", "pk"))
    errors += [
        {"field": "connections", "message": f"There is no connection {link_name[:50]!r} that you may see."}
        for link_name in given
        if link_name not in ids
    ]
    return sorted(str(pk) for pk in ids.values())


def _methods(given: Sequence[str], errors: Errors) -> list[str]:
    methods = list(dict.fromkeys(method.upper() for method in given))
    if not all(_METHOD.fullmatch(method) for method in methods):
        errors.append({"field": "methods", "message": "Name HTTP methods, such as GET."})
    return methods


def _networks(given: Sequence[str], errors: Errors) -> list[str]:
    networks: list[str] = []
    for text in given:
        try:
            networks.append(_network(text.strip()))
        except ValueError:
            message = f"{text[:50]!r} is not a network: write 10.1.0.0/16, or 192.168.7.4 for one address."
            errors.append({"field": "networks", "message": message})
    return list(dict.fromkeys(networks))


def _network(text: str) -> str:
    """Spelt one way. Raises ValueError, also for a zone: it names an interface of one machine."""
    if "%" in text:
        raise ValueError(text)
    return str(addresses.network(text))


def _act_for(given: Sequence[str], errors: Errors) -> list[str]:
    if EVERYBODY in given:
        return [EVERYBODY]
    emails = [email.strip().lower() for email in given]
    ids = dict(User.objects.filter(email__in=emails, is_active=True).values_list("email", "pk"))
    errors += [
        {"field": "act_for", "message": f"There is nobody here with the address {email[:100]!r}."}
        for email in emails
        if email not in ids
    ]
    return sorted(str(pk) for pk in ids.values())
