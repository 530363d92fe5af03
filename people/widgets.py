"""Labels of choices that have a second line."""

from typing import Self


class Choice(str):
    """A choice's label with a hint under it; ``parts/field.html`` shows both."""

    __slots__ = ("hint",)
    hint: str

    def __new__(cls, label: str, hint: str = "") -> Self:
        choice = super().__new__(cls, label)
        choice.hint = hint
        return choice
