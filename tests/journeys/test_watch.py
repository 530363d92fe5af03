"""The watch that every journey stands under does see what it is there for."""

import pytest

from tests.journeys.conftest import Person

pytestmark = pytest.mark.journey


def test_sees_a_breach_of_the_content_policy_and_what_is_missing(person: Person) -> None:
    person.go("/accounts/login/")
    assert person.wrong == []
    person.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">red</p>')")
    person.page.evaluate("fetch('/nothing-here').then((answer) => answer.text())")
    person.page.evaluate("fetch('https://elsewhere.invalid/').catch(() => null)")
    person.go("/accounts/login/")  # by then all of it has been told
    told = " ".join(person.wrong)
    person.wrong.clear()
    assert "POLICY style-src-attr" in told
    assert "404" in told
    assert "POLICY connect-src https://elsewhere.invalid/" in told
