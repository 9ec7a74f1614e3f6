"""The two transactions of a common turn, each in one round trip: a new chat begins, an answer was written.

Both give ``None``, having charged nothing, where it takes more: ``turns.py`` does it step by step then.
"""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.answers.standalone import Turn
from helpninja_app.billing.at_once import count_at_once, reservation_at_once, settlement_at_once
from helpninja_app.billing.ledger import allowance_of
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Plan
from helpninja_app.billing.reservations import Reservation, least_of
from helpninja_app.chats.library import title_of
from helpninja_app.chats.models import MessageState, Role
from helpninja_app.chats.news import telling_owner
from helpninja_app.chats.turns import Ask, Begun, Context, Price, Written, is_usable, request_id_of
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, Statement, new_id

# Nothing is stored that is not paid for.
_CHAT = """
insert into chats (workspace_id, id, user_id, key_id, title, model, preference, document_ids,
                   uses_all_knowledge, created_at, updated_at)
select %(workspace)s, %(chat)s, %(user)s, %(key)s, %(title)s, %(model)s, %(preference)s,
       %(documents)s::uuid[], %(all_knowledge)s, %(now)s, %(now)s
where (%(is_free)s or exists (select from ledger_reservations
                              where workspace_id = %(workspace)s and id = %(reservation)s))
returning id
"""
_MESSAGES = """
insert into chat_messages (workspace_id, id, chat_id, position, role, text, state, model, request_id,
                           created_at)
select %(workspace)s, message.id, %(chat)s, message.position, message.role, message.text, message.state,
       message.model, message.request_id, %(now)s
from unnest(%(ids)s::uuid[], %(roles)s::text[], %(texts)s::text[], %(states)s::text[], %(models)s::text[],
            %(requests)s::uuid[])
     with ordinality as message (id, role, text, state, model, request_id, position)
where (%(is_free)s or exists (select from ledger_reservations
                              where workspace_id = %(workspace)s and id = %(reservation)s))
returning id
"""
_LOCK_CHAT = "select id from chats where workspace_id = %(workspace)s and id = %(chat)s for update"
_ANSWER = """
update chat_messages
set text = %(text)s, finish = %(finish)s, reason = '', citations = %(citations)s,
    state = case when state = 'replaced' then state else %(state)s end,
    input_tokens = %(input)s, output_tokens = %(output)s, credits = coalesce(usage.taken, 0)
from (select (select -amount from ledger_entries
              where workspace_id = %(workspace)s and unit = %(unit)s
                and idempotency_key = 'usage:' || %(reservation)s) as taken) usage
where workspace_id = %(workspace)s and id = %(answer)s and (%(is_free)s or usage.taken is not null)
returning id
"""


async def begin_at_once(
    database: Database,
    caller: StaffCaller,
    plan: Plan,
    ask: Ask,
    context: Context,
    model: str,
    price: Price,
    author: str,
) -> Begun | None:
    """``begin_turn`` for a question that begins a chat."""
    allowance = allowance_of(plan, Unit.CREDIT)
    is_free = price.wanted == 0 or allowance is None
    if ask.chat_id is not None:
        return None
    first = next((turn.text for turn in ask.earlier if turn.role == "user"), ask.text)
    chat_id, reservation_id, title = new_id(), new_id(), title_of(first)
    common = {
        "workspace": caller.workspace.id,
        "chat": chat_id,
        "reservation": reservation_id,
        "is_free": is_free,
        "now": now(),
    }
    messages = _messages(caller, ask, author)
    question_id, answer_id = messages["ids"][-2:]
    stored = [
        _chat(common, caller, ask, context, title, model),
        Statement(_MESSAGES, common | messages),
        *telling_owner(caller, chat_id),
    ]
    if is_free or allowance is None:
        await database.at_once(caller.scope, *stored)
        reservation = Reservation(reservation_id, Unit.CREDIT, 0)
    else:
        reserving = reservation_at_once(
            caller.workspace.id,
            reservation_id,
            Unit.CREDIT,
            allowance,
            wanted=price.wanted,
            at_least=least_of(price.wanted, price.at_least),
            description=f"Chat with {model}",
        )
        reserved = (await database.at_once(caller.scope, reserving, *stored))[0]
        if reserved.taken is None:
            return None
        reservation = Reservation(reservation_id, Unit.CREDIT, reserved.taken)
    return Begun(chat_id, title, question_id, answer_id, reservation, is_new=True)


async def finish_at_once(
    database: Database, caller: StaffCaller, begun: Begun, written: Written, credits: int
) -> int | None:
    """``finish_turn`` for an answer that can be used."""
    if not is_usable(written):
        return None
    workspace_id, reservation = caller.workspace.id, begun.reservation
    is_free = reservation.amount == 0
    settling = (
        count_at_once(workspace_id, reservation.unit, credits)
        if is_free
        else settlement_at_once(
            workspace_id, reservation.id, reservation.unit, credits, description=f"Chat: {begun.title}"
        )
    )
    answer = Statement(
        _ANSWER,
        {
            "workspace": workspace_id,
            "unit": reservation.unit.value,
            "reservation": str(reservation.id),
            "is_free": is_free,
            "answer": begun.message_id,
            "text": written.text,
            "state": written.state.value,
            "finish": written.finish or "",
            "citations": Jsonb(list(written.citations)),
            "input": written.usage.input,
            "output": written.usage.output,
        },
    )
    told = telling_owner(caller, begun.chat_id)
    # In the order of ``begin_turn``, which replaces a stopped answer that is about to be stored.
    chat = Statement(_LOCK_CHAT, {"workspace": workspace_id, "chat": begun.chat_id})
    settled = (await database.at_once(caller.scope, chat, settling, answer, *told))[1]
    return None if settled is None or settled.taken is None else int(settled.taken)


def _chat(
    common: dict[str, object], caller: StaffCaller, ask: Ask, context: Context, title: str, model: str
) -> Statement:
    return Statement(
        _CHAT,
        common
        | {
            "user": caller.user_id if isinstance(caller, MemberCaller) else None,
            "key": None if isinstance(caller, MemberCaller) else caller.key_id,
            "title": title,
            "model": model,
            "preference": context.preference,
            "documents": list(ask.document_ids),
            "all_knowledge": context.uses_all_knowledge,
        },
    )


def _messages(caller: StaffCaller, ask: Ask, author: str) -> dict[str, list[Any]]:
    """The chat's messages, by columns: what was said before, the question, and the answer to be written."""
    spoken = [*ask.earlier, Turn("user", ask.text)]
    roles = [Role.USER.value if turn.role == "user" else Role.ASSISTANT.value for turn in spoken]
    return {
        "ids": [new_id() for _ in range(len(spoken) + 1)],
        "roles": [*roles, Role.ASSISTANT.value],
        "texts": [*(turn.text for turn in spoken), ""],
        "states": [*[MessageState.COMPLETE.value] * len(spoken), MessageState.WRITING.value],
        "models": [*[""] * len(spoken), author],
        "requests": [*[None] * len(ask.earlier), request_id_of(caller, ask), None],
    }
