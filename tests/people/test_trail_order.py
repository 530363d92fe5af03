"""An act tells the audit trail last, when it has locked whatever else it locks."""

from contextlib import suppress

import pytest
from django.db import transaction

from people import audit
from people.audit_events import Event
from people.models import AuditEvent, User
from tests.trail_order import Transactions

pytestmark = pytest.mark.django_db


def told() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("target", flat=True))


def tell(target: str) -> None:
    audit.record(Event.PERSON_CHANGED, actor=None, target=target)


def test_events_are_appended_at_the_end_of_the_act_in_their_order(owner: User) -> None:
    with audit.atomic():
        tell("first")
        with audit.atomic():
            tell("second")
            owner.save()
        tell("third")
        assert told() == []
        owner.save()
    assert told() == ["first", "second", "third"]
    tell("outside")
    assert told()[-1] == "outside"
    assert audit.first_broken() is None


def test_an_act_that_fails_takes_its_events_along_and_no_others() -> None:
    with audit.atomic():
        tell("kept")
        with suppress(ZeroDivisionError), audit.atomic():
            tell("lost")
            1 / 0  # noqa: B018
    with suppress(ZeroDivisionError), audit.atomic():
        tell("lost, too")
        1 / 0  # noqa: B018
    assert told() == ["kept"]


def test_what_is_locked_after_the_trail_is_noticed(owner: User, transactions: Transactions) -> None:
    with transaction.atomic():
        owner.save()
        tell("last")
    assert transactions.late == []
    with transaction.atomic():
        tell("too early")
        owner.save()
    assert "UPDATE" in transactions.late.pop()
    assert transactions.late == []
