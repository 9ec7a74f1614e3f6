"""The conditions of rules: what they look like as JSON, and whether they hold.

The operators are PRODUCT.md's: nested all and any over confidence, keyword, page, time and message count.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from helpninja_app.accounts.business_hours import END_OF_DAY, WEEK
from helpninja_app.conversations.rules.facts import Facts, address_of, folded
from helpninja_app.errors import FieldError, Invalid

DEEPEST = 4
MOST_CONDITIONS = 50
MOST_VALUES = 50
MAX_VALUE = 200
# Characters of all words and pages of a rule: they are looked for in each question.
MOST_TEXT = 4_000

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_VALUE)]
Values = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_VALUES)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Confidence(_Node):
    """Holds for no answer whose confidence is not known."""

    fact: Literal["confidence"] = "confidence"
    operator: Literal["below", "above"]
    value: float = Field(ge=0, le=1, allow_inf_nan=False)

    def holds(self, facts: Facts) -> bool:
        if facts.confidence is None:
            return False
        is_below = self.operator == "below"
        return facts.confidence < self.value if is_below else facts.confidence > self.value


class Keyword(_Node):
    """Words and phrases as whole words, whatever their case; ``refund*`` also begins longer ones."""

    fact: Literal["keyword"] = "keyword"
    operator: Literal["any", "all", "none"]
    values: Values

    @field_validator("values")
    @classmethod
    def _have_words(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not folded(value).strip():
                raise ValueError(f"“{value}” has no word in it.")
        return values

    @cached_property
    def needles(self) -> tuple[str, ...]:
        return tuple(needle_of(value) for value in self.values)

    def holds(self, facts: Facts) -> bool:
        found = map(facts.words.__contains__, self.needles)
        return all(found) if self.operator == "all" else any(found) == (self.operator == "any")


class Page(_Node):
    """``/pricing`` is compared with the path, ``shop.example/pricing`` with host and path."""

    fact: Literal["page"] = "page"
    operator: Literal["is", "is_not", "begins_with", "contains"]
    values: Values

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        if self.operator == "contains":
            return tuple(value.casefold() for value in self.values)
        return tuple(address_of(value) for value in self.values)

    @cached_property
    def below(self) -> tuple[str, ...]:
        """How everything below those places begins."""
        return tuple(f"{place.rstrip('/')}/" for place in self.wanted)

    def holds(self, facts: Facts) -> bool:
        if not facts.page:
            return self.operator == "is_not"
        if self.operator == "contains":
            return any(map(facts.page.__contains__, self.wanted))
        is_there = not facts.places.isdisjoint(self.wanted)
        if self.operator == "begins_with":
            return is_there or facts.page.startswith(self.below) or facts.path.startswith(self.below)
        return is_there == (self.operator == "is")


class Time(_Node):
    """On the clocks of the workspace; a span that ends before it begins goes on after midnight, and belongs
    to the day on which it began. Without ``days`` it is every day."""

    fact: Literal["time"] = "time"
    operator: Literal["inside_business_hours", "outside_business_hours", "between"]
    begin: Clock | None = Field(None, alias="from")
    end: Clock | None = Field(None, alias="to")
    days: tuple[Day, ...] = Field((), max_length=len(WEEK))

    @field_validator("end", mode="before")
    @classmethod
    def _midnight(cls, value: object) -> object:
        return "00:00" if value == END_OF_DAY else value

    @model_validator(mode="after")
    def _is_whole(self) -> Time:
        if self.operator == "between":
            if self.begin is None or self.end is None:
                raise ValueError("A span of time needs “from” and “to”.")
        elif self.begin is not None or self.end is not None or self.days:
            raise ValueError("Business hours have no “from”, “to” or “days” of their own.")
        return self

    def holds(self, facts: Facts) -> bool:
        if self.operator != "between":
            return facts.is_open == (self.operator == "inside_business_hours")
        # As texts they have the order of the times.
        begin, end, clock, today = self.begin or "", self.end or "", facts.clock, facts.local.weekday()
        if begin < end:
            return begin <= clock < end and self._is_on(today)
        return (clock >= begin and self._is_on(today)) or (clock < end and self._is_on(today - 1))

    def _is_on(self, weekday: int) -> bool:
        return not self.days or WEEK[weekday] in self.days


class MessageCount(_Node):
    fact: Literal["message_count"] = "message_count"
    operator: Literal["at_least", "at_most"]
    value: int = Field(ge=1, le=10_000)

    def holds(self, facts: Facts) -> bool:
        is_least = self.operator == "at_least"
        return facts.message_count >= self.value if is_least else facts.message_count <= self.value


# Where the library speaks of its own workings.
_SENTENCES = {
    "union_tag_invalid": "There is no such kind of condition.",
    "model_type": "A condition is an object.",
    "recursion_loop": f"Groups can be nested {DEEPEST} deep.",
}


def _kind_of(value: Any) -> str:
    fact = value.get("fact") if isinstance(value, dict) else getattr(value, "fact", None)
    return fact if isinstance(fact, str) else "group"


class Group(_Node):
    """``all`` of its conditions, or ``any``."""

    match: Literal["all", "any"]
    conditions: tuple[Condition, ...] = Field(max_length=MOST_CONDITIONS)

    @model_validator(mode="after")
    def _has_conditions(self) -> Group:
        if not self.conditions:
            raise ValueError("A group needs a condition.")
        return self

    def holds(self, facts: Facts) -> bool:
        # A loop, which costs a third of what a generator does: this is most of the work.
        is_all = self.match == "all"
        for each in self.conditions:
            if each.holds(facts) is not is_all:
                return not is_all
        return is_all


Condition = Annotated[
    Annotated[Confidence, Tag("confidence")]
    | Annotated[Keyword, Tag("keyword")]
    | Annotated[Page, Tag("page")]
    | Annotated[Time, Tag("time")]
    | Annotated[MessageCount, Tag("message_count")]
    | Annotated[Group, Tag("group")],
    Discriminator(_kind_of),
]
Group.model_rebuild()


def needle_of(keyword: str) -> str:
    """What stands in the words of a question that has this word or phrase."""
    words = folded(keyword)
    return words[:-1] if keyword.endswith("*") else words


def read_group(given: Any, *, field: str = "body.condition") -> Group:
    """The conditions of a rule, from JSON; ``Invalid`` names each wrong one as ``<field>.conditions.0…``."""
    try:
        group = Group.model_validate(given)
    except ValidationError as error:
        raise Invalid(errors=tuple(_problems(error, field))) from None
    depth, count = _extent(group)
    if text_in(group) > MOST_TEXT:
        raise Invalid(errors=(FieldError(field, f"A rule has at most {MOST_TEXT:,} characters of words."),))
    if depth > DEEPEST:
        raise Invalid(errors=(FieldError(field, f"Groups can be nested {DEEPEST} deep."),))
    if count > MOST_CONDITIONS:
        raise Invalid(errors=(FieldError(field, f"A rule has at most {MOST_CONDITIONS} conditions."),))
    return group


def write_group(group: Group) -> dict[str, Any]:
    """The JSON of ``read_group``."""
    return group.model_dump(mode="json", by_alias=True, exclude_defaults=False, exclude_none=True)


def text_in(condition: Condition) -> int:
    """How many characters of words and pages a condition has, with all that are in it."""
    inner = sum(text_in(each) for each in getattr(condition, "conditions", ()))
    return inner + sum(len(value) for value in getattr(condition, "values", ()))


def _extent(group: Group) -> tuple[int, int]:
    inner = [_extent(each) for each in group.conditions if isinstance(each, Group)]
    leaves = len(group.conditions) - len(inner)
    return 1 + max((depth for depth, _ in inner), default=0), leaves + sum(count for _, count in inner)


def _problems(error: ValidationError, field: str) -> Iterator[FieldError]:
    tags = {"confidence", "keyword", "page", "time", "message_count", "group"}
    for each in error.errors(include_url=False, include_input=False, include_context=False)[:20]:
        # Where a kind of condition was chosen its name stands in the place; the field has no such step.
        steps = [str(step) for step in each["loc"] if step not in tags]
        message = _SENTENCES.get(each["type"]) or each["msg"].removeprefix("Value error, ")
        yield FieldError(".".join([field, *steps]), message)
