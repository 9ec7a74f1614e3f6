"""When the conditions of rules hold, and which of them are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.conversations.rules.conditions import read_group, write_group
from helpninja_app.conversations.rules.facts import Facts
from helpninja_app.errors import Invalid

HOURS = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
# A Tuesday, 12:30 in Berlin.
NOON = datetime(2026, 12, 1, 11, 30, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "question": "Where are my refunds? I want my money back!",
        "confidence": 0.42,
        "page_url": "https://www.Shop.example/Pricing/?utm=1#top",
        "message_count": 3,
        "moment": NOON,
        "time_zone": "Europe/Berlin",
        "business_hours": HOURS,
    }
    return Facts(**(known | changes))


def holds(condition: dict[str, Any], **changes: Any) -> bool:
    return read_group({"match": "all", "conditions": [condition]}).holds(facts(**changes))


def about(fact: str, operator: str, value: object) -> dict[str, Any]:
    return {"fact": fact, "operator": operator, "values" if isinstance(value, list) else "value": value}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (about("confidence", "below", 0.5), True),
        (about("confidence", "below", 0.42), False),
        (about("confidence", "above", 0.4), True),
        (about("keyword", "any", ["money back", "voucher"]), True),
        (about("keyword", "any", ["MONEY  BACK"]), True),
        (about("keyword", "any", ["back money"]), False),
        (about("keyword", "any", ["refund"]), False),
        (about("keyword", "any", ["refund*"]), True),
        (about("keyword", "any", ["fund*"]), False),
        (about("keyword", "all", ["refunds", "money"]), True),
        (about("keyword", "all", ["refunds", "voucher"]), False),
        (about("keyword", "none", ["voucher", "parcel"]), True),
        (about("keyword", "none", ["voucher", "money"]), False),
        (about("page", "is", ["/pricing"]), True),
        (about("page", "is", ["/pricing/"]), True),
        (about("page", "is", ["https://shop.example/pricing?x=1"]), True),
        (about("page", "is", ["shop.example"]), False),
        (about("page", "is", ["/price"]), False),
        (about("page", "is_not", ["/checkout", "/cart"]), True),
        (about("page", "is_not", ["/checkout", "/pricing"]), False),
        (about("page", "begins_with", ["/"]), True),
        (about("page", "begins_with", ["/pri"]), False),
        (about("page", "begins_with", ["shop.example"]), True),
        (about("page", "contains", ["PRIC"]), True),
        (about("page", "contains", ["checkout"]), False),
        (about("message_count", "at_least", 3), True),
        (about("message_count", "at_least", 4), False),
        (about("message_count", "at_most", 3), True),
        (about("message_count", "at_most", 2), False),
        ({"fact": "time", "operator": "inside_business_hours"}, True),
        ({"fact": "time", "operator": "outside_business_hours"}, False),
        ({"fact": "time", "operator": "between", "from": "12:30", "to": "12:31"}, True),
        ({"fact": "time", "operator": "between", "from": "11:30", "to": "12:30"}, False),
        ({"fact": "time", "operator": "between", "from": "12:00", "to": "24:00", "days": ["tue"]}, True),
        ({"fact": "time", "operator": "between", "from": "12:00", "to": "13:00", "days": ["mon"]}, False),
    ],
)
def test_a_condition_holds(condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(("hour", "expected"), [(23, True), (2, True), (12, False)])
def test_a_night_belongs_to_the_day_on_which_it_began(hour: int, expected: bool) -> None:
    night = {"fact": "time", "operator": "between", "from": "22:00", "to": "06:00", "days": ["mon"]}
    day = 30 if hour == 23 else 1
    month = 11 if hour == 23 else 12
    moment = datetime(2026, month, day, hour, tzinfo=UTC)
    assert holds(night, moment=moment, time_zone="UTC") is expected


def test_a_holiday_is_outside_business_hours() -> None:
    assert holds({"fact": "time", "operator": "outside_business_hours"}, holidays=("2026-12-01",))


def test_without_business_hours_somebody_is_always_there() -> None:
    assert holds({"fact": "time", "operator": "inside_business_hours"}, business_hours={})


def test_what_is_not_known_is_neither_below_nor_above() -> None:
    assert not holds(about("confidence", "below", 1), confidence=None)
    assert not holds(about("confidence", "above", 0), confidence=None)


def test_a_page_that_is_not_known_is_no_page_but_is_not_any_either() -> None:
    assert not holds(about("page", "contains", ["a"]), page_url="")
    assert holds(about("page", "is_not", ["/pricing"]), page_url="")


@pytest.mark.parametrize("question", ["返金してください", "返金の方法"])
def test_writing_without_spaces_is_searched_too(question: str) -> None:
    assert holds(about("keyword", "any", ["返金"]), question=question)


@pytest.mark.parametrize("address", ["http://[::1", "//", "http://", "not an address", "\x00", "/" * 5000])
def test_no_address_breaks_it(address: str) -> None:
    assert not holds(about("page", "is", ["/pricing"]), page_url=address)


def test_groups_nest() -> None:
    either = {
        "match": "any",
        "conditions": [about("keyword", "any", ["refunds"]), about("page", "is", ["/x"])],
    }
    assert read_group({"match": "all", "conditions": [either, about("confidence", "below", 0.5)]}).holds(
        facts()
    )
    assert not read_group({"match": "all", "conditions": [either, about("confidence", "above", 0.5)]}).holds(
        facts()
    )


def _nested(depth: int) -> dict[str, Any]:
    group: dict[str, Any] = {"match": "all", "conditions": [about("confidence", "below", 0.5)]}
    for _ in range(depth - 1):
        group = {"match": "any", "conditions": [group]}
    return group


MANY = {
    "match": "any",
    "conditions": [_nested(1), {"match": "all", "conditions": [about("confidence", "below", 0.5)] * 50}],
}


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ({"fact": "mood"}, ""),
        (7, ""),
        (about("confidence", "below", 1.5), ".value"),
        (about("confidence", "below", float("nan")), ".value"),
        (about("confidence", "is", 0.5), ".operator"),
        (about("confidence", "below", 0.5) | {"more": 1}, ".more"),
        (about("keyword", "any", []), ".values"),
        (about("keyword", "any", ["?!"]), ".values"),
        (about("keyword", "any", ["x" * 201]), ".values.0"),
        (about("message_count", "at_least", 0), ".value"),
        ({"fact": "time", "operator": "between", "from": "9"}, ".from"),
        ({"fact": "time", "operator": "between"}, ""),
        ({"fact": "time", "operator": "inside_business_hours", "days": ["mon"]}, ""),
    ],
)
def test_what_is_wrong_with_a_condition_is_named(condition: object, place: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_group({"match": "all", "conditions": [condition]})
    assert f"body.condition.conditions.0{place}" in {each.field for each in refusal.value.errors}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("all", "body.condition"),
        ({"match": "none", "conditions": [about("confidence", "below", 0.5)]}, "body.condition.match"),
        ({"match": "all", "conditions": []}, "body.condition"),
        (_nested(5), "body.condition"),
        (MANY, "body.condition"),
    ],
)
def test_what_is_wrong_with_a_group_is_named(given: object, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_group(given)
    assert field in {each.field for each in refusal.value.errors}


def test_the_deepest_that_is_allowed_is_read() -> None:
    assert read_group(_nested(4)).holds(facts())


def test_a_bottomless_group_is_refused_and_ends() -> None:
    with pytest.raises(Invalid):
        read_group(_nested(600))


_WORDS = st.lists(st.from_regex(r"\A[a-z]{1,10}\*?\Z"), min_size=1, max_size=4)
_LEAVES = st.one_of(
    st.builds(about, st.just("confidence"), st.sampled_from(["below", "above"]), st.floats(0, 1)),
    st.builds(about, st.just("keyword"), st.sampled_from(["any", "all", "none"]), _WORDS),
    st.builds(about, st.just("page"), st.sampled_from(["is", "is_not", "begins_with", "contains"]), _WORDS),
    st.builds(about, st.just("message_count"), st.sampled_from(["at_least", "at_most"]), st.integers(1, 99)),
    st.sampled_from(
        [{"fact": "time", "operator": "between", "from": "22:00", "to": "06:00", "days": ["mon"]}]
    ),
)
_GROUPS = st.fixed_dictionaries(
    {"match": st.sampled_from(["all", "any"]), "conditions": st.lists(_LEAVES, min_size=1, max_size=4)}
)


@given(_GROUPS)
def test_what_is_stored_is_read_as_it_was(given: dict[str, Any]) -> None:
    group = read_group(given)
    assert read_group(write_group(group)) == group


@given(_GROUPS, st.text(max_size=60), st.text(max_size=60))
def test_none_of_its_conditions_is_the_opposite_of_any(given: dict[str, Any], text: str, page: str) -> None:
    known = facts(question=text, page_url=page)
    conditions = [read_group({"match": "all", "conditions": [each]}) for each in given["conditions"]]
    each = [condition.holds(known) for condition in conditions]
    assert read_group(given | {"match": "all"}).holds(known) is all(each)
    assert read_group(given | {"match": "any"}).holds(known) is any(each)
