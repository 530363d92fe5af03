"""Long lists of scopes fall into groups; short and ragged ones stay as they are."""

from services.scopes import grouped


def titles(names: list[str]) -> list[str]:
    return [title for title, _ in grouped(names, name=str)]


def test_a_long_list_is_grouped_by_what_the_names_begin_with_in_their_order() -> None:
    names = [f"{product}.thing{n}.READ" for n in range(10) for product in ("Desk", "ZohoCRM", "Cliq")]

    assert titles(names) == ["Desk", "ZohoCRM", "Cliq"]
    assert grouped(names, name=str)[0][1] == [f"Desk.thing{n}.READ" for n in range(10)]


def test_a_scope_that_is_an_address_is_grouped_by_its_last_part() -> None:
    base = "https://www.googleapis.com/auth"
    names = [f"{base}/{api}.part{n}" for n in range(13) for api in ("gmail", "drive")]

    assert titles(names) == ["gmail", "drive"]


def test_a_short_list_a_ragged_one_and_one_of_a_kind_are_not_divided() -> None:
    assert titles([f"{product}.read{n}" for n in range(11) for product in ("a", "b")]) == [""]
    assert titles([f"thing{n}:read" for n in range(40)]) == [""]
    assert titles([f"desk.thing{n}" for n in range(40)]) == [""]
    assert grouped([], name=str) == [("", [])]
