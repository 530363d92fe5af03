"""Drives an exchange as its owner would: hands over answers, keeps the requests."""

from collections.abc import Generator
from typing import TypeVar

from services.auth_types.base import Answer, Exchange

Result = TypeVar("Result")


def drive(exchange: Generator[Exchange, Answer, Result], *answers: Answer) -> tuple[Result, list[Exchange]]:
    """What came of it, and what was sent. Fails if it asks for more, or for less, than there are answers."""
    sent: list[Exchange] = []
    waiting = list(answers)
    try:
        request = next(exchange)
        while True:
            sent.append(request)
            assert waiting, f"an exchange too many: {request.url}"
            request = exchange.send(waiting.pop(0))
    except StopIteration as end:
        assert not waiting, "not every answer was asked for"
        return end.value, sent
