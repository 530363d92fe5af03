"""What a service means by a refusal, as its catalogue entry knows it."""

import json
from typing import Any

import pytest
import re2

from services import failures, loader
from services.auth_types.base import Answer


def said(status: int, body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, headers=headers, body=raw)


def of(where: str, match: str = "", *, status: int = 400, means: str = "throttled") -> list[dict[str, Any]]:
    return [{"status": status, "where": f"token {where}", "match": match, "means": means}]


@pytest.mark.parametrize(
    ("signatures", "body"),
    [
        (of("json:status", "BAD"), {"status": "BAD"}),
        (of("json:error.code", "7"), {"error": {"code": 7}}),
        (of("json:errors[0].code", "x"), {"errors": [{"code": "x"}, {"code": "y"}]}),
        (of("json:codes[*]", "700084"), {"codes": [1, 700084]}),
        (of("json:[0].code", "x"), [{"code": "x"}]),
        (of("json:message", "~(?i)too many"), {"message": "Too many tokens"}),
        (of("text", "~Access Denied"), b"<p>Access Denied</p>"),
        (of("header:X-Why", "~limit"), b""),
        (of("status"), b""),
        (of("status", status=0), b""),
    ],
)
def test_knows_a_refusal_by_its_signature(signatures: list[dict[str, Any]], body: Any) -> None:
    assert failures.meaning(signatures, said(400, body, **{"x-why": "the limit"})) == "throttled"


@pytest.mark.parametrize(
    ("signatures", "body"),
    [
        (of("json:status", "BAD"), {"status": "bad"}),
        (of("json:status", "BAD"), b"not JSON"),
        (of("json:status", "BAD"), b"[" * 100_000),
        (of("json:a.b[3].c", "x"), {"a": {"b": []}}),
        (of("json:status", "BAD", status=401), {"status": "BAD"}),
        ([{"status": 400, "where": "json:status", "match": "BAD", "means": "revoked"}], {"status": "BAD"}),
    ],
)
def test_takes_no_refusal_for_another(signatures: list[dict[str, Any]], body: Any) -> None:
    assert failures.meaning(signatures, said(400, body)) == ""


def test_the_services_own_comes_before_everybodys() -> None:
    refused = said(400, {"error": "invalid_grant"})
    assert failures.meaning([], refused) == "revoked"
    assert failures.meaning(of("json:error", "invalid_grant"), refused) == "throttled"


def test_every_expression_of_the_catalogue_is_matched_in_linear_time() -> None:
    entries, _ = loader.entries()
    known = [each for entry in entries.values() for each in entry.row["meta"].get("failures", [])]
    expressions = {each["match"][1:] for each in known if each.get("match", "").startswith("~")}
    assert len(expressions) > 20
    for expression in expressions:
        re2.compile(expression)
