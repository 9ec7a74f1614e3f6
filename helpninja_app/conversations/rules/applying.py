"""Applies the rules to a turn of a conversation, in the transaction under way.

See docs/adr/0026-rules.md.
"""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.billing.plans import Feature, Plan
from helpninja_app.conversations.dispatch import as_members, queue_deliveries
from helpninja_app.conversations.models import ASKED_ONCE, Conversation, Escalation, Message, Reason
from helpninja_app.conversations.rules.engine import Decision, Rule, decide
from helpninja_app.conversations.rules.service import load_rules
from helpninja_app.conversations.rules.turns import facts_of
from helpninja_app.kernel.database import new_id


async def judge_turn(
    session: AsyncSession,
    workspace: WorkspaceView,
    conversation: Conversation,
    plan: Plan,
    question: Message | None,
) -> Decision:
    """What the rules say of ``question`` and its answer; nothing where the plan has no rules."""
    if Feature.RULES not in plan.features:
        return Decision()
    async with as_members(session, workspace.id):
        rules = await load_rules(session, workspace.id)
    if not rules:
        return Decision()
    return decide(rules, await facts_of(session, workspace, conversation, question))


async def tell_of(session: AsyncSession, conversation: Conversation, rule: Rule, question: str) -> None:
    """Have a rule's destinations told of a conversation, once until it is handed back or asked anew."""
    made = await session.execute(
        insert(Escalation)
        .values(
            workspace_id=conversation.workspace_id,
            id=new_id(),
            conversation_id=conversation.id,
            reason=Reason.RULE.value,
            episode=conversation.episode,
            hand_backs=conversation.hand_backs,
            topic=question,
            given={},
            notice_of=rule.id,
            rule_name=rule.name,
        )
        .on_conflict_do_nothing(constraint=ASKED_ONCE)
        .returning(col(Escalation.id))
    )
    notice_id = made.scalar_one_or_none()
    if notice_id is not None:
        await queue_deliveries(session, conversation, notice_id, destinations=rule.destinations)
