"""Rules: ``/api/rules``, when a person is asked for and whom that is told. Conditions: docs/adr/0026."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, has_visible_text, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.conversations.rules import service
from helpninja_app.conversations.rules.conditions import read_group, write_group
from helpninja_app.conversations.rules.deleting import delete_rule, restore_rule
from helpninja_app.conversations.rules.engine import Action, Rule
from helpninja_app.conversations.rules.sentences import Explained
from helpninja_app.conversations.rules.trials import Draft, MadeUp, Tried, try_rules
from helpninja_app.errors import FieldError, Invalid

router = APIRouter(tags=["Rules"])

ActionName = Literal["escalate", "route", "notify"]
_CONDITION: dict[str, Any] = {
    "match": "all",
    "conditions": [
        {"fact": "keyword", "operator": "any", "values": ["refund", "money back"]},
        {"fact": "confidence", "operator": "below", "value": 0.8},
    ],
}


class RuleFields(Body):
    """``destinations`` are ids of integrations; none means all that are switched on."""

    name: str = Field(min_length=1, max_length=service.MAX_NAME, examples=["Refunds"])
    action: ActionName
    condition: dict[str, Any] = Field(examples=[_CONDITION])
    destinations: list[str] = Field(default_factory=list, max_length=service.MOST_DESTINATIONS)


class RuleBody(RuleFields):
    tenantId: str | None = None


class DraftBody(RuleFields):
    """A rule that is not saved, in the place of the saved one of ``id``, or behind all."""

    id: str | None = Field(None, max_length=100)


class RuleChange(Body):
    """What is given is changed."""

    name: str | None = Field(None, min_length=1, max_length=service.MAX_NAME)
    action: ActionName | None = None
    condition: dict[str, Any] | None = None
    destinations: list[str] | None = Field(None, max_length=service.MOST_DESTINATIONS)
    isOn: bool | None = None


class OrderBody(Body):
    tenantId: str | None = None
    ids: list[str] = Field(max_length=service.MOST_RULES)


class TrialBody(Body):
    """Either ``conversationId``, or the other facts as they are typed.

    ``rule`` tries the rules as they would be once it is saved; ``condition`` is tried alone.
    """

    tenantId: str | None = None
    conversationId: str | None = Field(None, max_length=100)
    question: str = Field("", max_length=10_000)
    confidence: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    pageUrl: str = Field("", max_length=2_000)
    messageCount: int = Field(1, ge=1, le=1_000_000)
    at: str | None = Field(None, max_length=40, examples=["2026-12-01T18:30:00+01:00"])
    rule: DraftBody | None = None
    condition: dict[str, Any] | None = None
    action: ActionName = "escalate"


class RuleResult(BaseModel):
    id: str
    name: str
    isOn: bool
    action: ActionName
    condition: dict[str, Any]
    destinations: list[str]
    sentence: str = Field(description="The rule in plain words.")
    createdAt: str
    updatedAt: str


class RuleList(BaseModel):
    rules: list[RuleResult] = Field(description="In the order in which they are tried.")


class ExplainedResult(BaseModel):
    sentence: str
    found: str
    matched: bool
    parts: list[ExplainedResult]


class TriedResult(BaseModel):
    id: str | None = Field(description="Null for what is not stored.")
    name: str
    isOn: bool
    action: ActionName
    matched: bool
    why: ExplainedResult


class TrialResult(BaseModel):
    rules: list[TriedResult]
    outcome: str
    destinations: list[str] = Field(description="Where an escalation would go; empty means as without rules.")


class Done(BaseModel):
    ok: bool = True


@router.get("/api/rules", response_model=RuleList, responses=documented(401, 403, 404, 429))
async def rules(request: Request, tenantId: str | None = None) -> RuleList:
    """All rules of the workspace."""
    caller = await staff_caller(request, tenantId)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        found = await service.list_rules(session, caller)
    return RuleList(rules=[_result(each) for each in found])


@router.post(
    "/api/rules",
    response_model=RuleResult,
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(RuleBody),
)
async def create(request: Request) -> RuleResult:
    """Add a rule behind all others."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_RULES)
    resources = resources_of(request)
    plan = resources.plan_of(caller.workspace)
    # What the plan has not comes before what is wrong with the body.
    require_feature(plan, Feature.RULES)
    wish = _wish(body.parse(RuleBody))
    async with resources.database.unit_of_work(caller.scope) as session:
        return _result(await service.create_rule(session, caller, plan, wish))


@router.put(
    "/api/rules/order",
    response_model=RuleList,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(OrderBody),
)
async def order(request: Request) -> RuleList:
    """Try the rules in this order; all of them have to be named."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_RULES)
    ids = [parse_id(each) for each in body.parse(OrderBody).ids]
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        ordered = await service.order_rules(session, caller, ids)
    return RuleList(rules=[_result(each) for each in ordered])


@router.post(
    "/api/rules/test",
    response_model=TrialResult,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(TrialBody),
)
async def trial(request: Request) -> TrialResult:
    """Say for each rule whether it matches and why; nothing is changed or sent.

    A `rule` that could not be saved is refused as if it were: 409, 422, or 404 for the id of none.
    """
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    wished = body.parse(TrialBody)
    draft = _draft(wished)
    given = (
        parse_id(wished.conversationId)
        if wished.conversationId is not None
        else MadeUp(
            wished.question, wished.confidence, wished.pageUrl, wished.messageCount, _moment(wished.at)
        )
    )
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        tried = await try_rules(session, caller, given, draft=draft)
    return TrialResult(
        rules=[_tried(each) for each in tried.tried],
        outcome=tried.outcome,
        destinations=[str(each) for each in tried.decision.destinations],
    )


@router.patch(
    "/api/rules/{rule_id}",
    response_model=RuleResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(RuleChange),
)
async def change(request: Request, rule_id: str, tenantId: str | None = None) -> RuleResult:
    """Change a rule, or switch it on or off."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(rule_id)
    require(caller, Permission.MANAGE_RULES)
    wished = body.parse(RuleChange)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        rule = await service.get_rule(session, caller, wanted)
        given = wished.destinations
        wish = service.RuleWish(
            name=rule.name if wished.name is None else _name(wished.name),
            action=rule.action if wished.action is None else Action(wished.action),
            condition=rule.condition if wished.condition is None else read_group(wished.condition),
            destinations=rule.destinations if given is None else tuple(parse_id(each) for each in given),
        )
        rule = await service.change_rule(session, caller, wanted, wish)
        if wished.isOn is not None:
            rule = await service.switch_rule(session, caller, wanted, is_on=wished.isOn)
        return _result(rule)


@router.delete("/api/rules/{rule_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429))
async def delete(request: Request, rule_id: str, tenantId: str | None = None) -> Done:
    """Delete a rule; it can be restored for an hour."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(rule_id)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await delete_rule(session, resources.queue, caller, wanted)
    return Done()


@router.post(
    "/api/rules/{rule_id}/restore",
    response_model=RuleResult,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def restore(request: Request, rule_id: str, tenantId: str | None = None) -> RuleResult:
    """Bring back a deleted rule as it was, at its place."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(rule_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await restore_rule(session, caller, wanted))


def _draft(wished: TrialBody) -> Draft | Rule | None:
    if wished.rule is not None:
        if wished.condition is not None:
            raise Invalid(errors=(FieldError("body.condition", "Give either this or a rule."),))
        rule_id = None if wished.rule.id is None else parse_id(wished.rule.id)
        return Draft(_wish(wished.rule, "body.rule"), rule_id, "body.rule")
    if wished.condition is not None:
        return Rule(service.DRAFT, "This rule", Action(wished.action), read_group(wished.condition))
    return None


def _wish(given: RuleFields, field: str = "body") -> service.RuleWish:
    """``field`` is where it stands in the body."""
    return service.RuleWish(
        name=_name(given.name, field),
        action=Action(given.action),
        condition=read_group(given.condition, field=f"{field}.condition"),
        destinations=tuple(parse_id(each) for each in given.destinations),
    )


def _name(given: str, field: str = "body") -> str:
    if not has_visible_text(given):
        raise Invalid(errors=(FieldError(f"{field}.name", "The name is empty."),))
    return " ".join(given.split())


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        # Far from both ends, where no other zone can reach it.
        if not 2000 <= moment.year <= 2100:
            raise ValueError
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        message = "This is no time; one looks like 2026-12-01T18:30:00+01:00."
        raise Invalid(errors=(FieldError("body.at", message),)) from None


def _result(view: service.RuleView) -> RuleResult:
    return RuleResult(
        id=str(view.id),
        name=view.name,
        isOn=view.is_on,
        action=view.action.value,
        condition=write_group(view.condition),
        destinations=[str(each) for each in view.destinations],
        sentence=view.sentence,
        createdAt=view.created_at.isoformat(),
        updatedAt=view.updated_at.isoformat(),
    )


def _tried(tried: Tried) -> TriedResult:
    return TriedResult(
        id=None if tried.rule.id == service.DRAFT else str(tried.rule.id),
        name=tried.rule.name,
        isOn=tried.is_on,
        action=tried.rule.action.value,
        matched=tried.explained.matched,
        why=_explained(tried.explained),
    )


def _explained(explained: Explained) -> ExplainedResult:
    return ExplainedResult(
        sentence=explained.sentence,
        found=explained.found,
        matched=explained.matched,
        parts=[_explained(each) for each in explained.parts],
    )
