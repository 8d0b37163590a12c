"""Sets as bits: that they hold what they are said to hold, however many there are."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from eventflow.picking.catalogue import Catalogue
from eventflow.picking.masks import Column, Kept, Windows, lowest, mask_of, places
from tests.picking.words import NOW, a_flow, a_query


def test_a_set_knows_its_places_and_the_first_of_them() -> None:
    wanted = [3, 64, 65, 999]

    assert list(places(mask_of(wanted, 1000))) == wanted
    assert (lowest(mask_of(wanted, 1000)), list(places(0))) == (3, [])


def test_a_column_knows_who_has_a_value_be_it_frequent_or_rare() -> None:
    values = ["web"] * 500 + ["app"] + [None] * 499
    column = Column(values)

    assert {value: list(places(column(value))) for value in ("app", "fax")} == {"app": [500], "fax": []}
    assert column("web").bit_count() == 500 and column(None).bit_count() == 499
    assert list(places(column.where(lambda value: value in ("app", "fax")))) == [500]


def test_windows_are_right_at_every_boundary_of_very_many() -> None:
    chance, hour = Random(7), timedelta(hours=1)
    flows = []
    for id in range(600):
        since = NOW + hour * chance.randrange(-200, 200) if chance.random() < 0.7 else None
        until = (since or NOW) + hour * chance.randrange(50) if chance.random() < 0.7 else None
        flows.append(a_flow(id, active_from=since, active_to=until))
    windows = Windows(flows)

    for minutes in range(-201 * 60, 260 * 60, 30):
        now = NOW + timedelta(minutes=minutes)
        is_open = [(one.active_from or now) <= now <= (one.active_to or now) for one in flows]
        assert list(places(windows(now))) == [place for place, wanted in enumerate(is_open) if wanted]


def test_what_is_kept_is_bounded_and_made_again() -> None:
    made = []

    def make(key: int) -> int:
        made.append(key)
        return key

    kept = Kept(make, most=2)
    assert [kept(key) for key in (1, 2, 1, 3, 1)] == [1, 2, 1, 3, 1]
    assert made == [1, 2, 3, 1]


def test_conditions_on_many_definitions_find_what_conditions_on_few_find() -> None:
    flows = [a_flow(id, attributes={"tier": [1, True, "1", None, [1]][id % 5], "number": id}) for id in range(1, 500)]
    catalogue = Catalogue(flows)

    for value in (1, True, "1", None, [1], [True], 1.0):
        query = a_query(where=[{"field": "tier", "op": "eq", "subject_attr": "tier"}])
        for _ in range(2):  # the second time it is known
            found = catalogue.candidates(query, {"tier": value}, NOW)
            wanted = [one for one in flows if _is_alike(one.attributes["tier"], value)]
            assert list(found) == wanted[::-1]
    for number in (7, 499, 500):
        query = a_query(where=[{"field": "number", "op": "eq", "subject_attr": "number"}], include_flows=[7, 499])
        assert [one.id for one in catalogue.candidates(query, {"number": number}, NOW)] == [number] * (number < 500)


def _is_alike(one: object, other: object) -> bool:
    return repr(one) == repr(other) or (one == 1 and type(one) is int and type(other) is float and other == 1)
