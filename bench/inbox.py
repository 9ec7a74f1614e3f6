"""The inbox of a workspace with 50,000 conversations over HTTP: its list under each filter, and its search.

python -m bench inbox
"""

from __future__ import annotations

import itertools
import random
import re
import time
from uuid import UUID

import httpx
import numpy as np
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api_routes.app import create_api
from bench.report import Figure, at_most, say, show
from bench.scratch import opened, scratch_database
from bench.texts import passage
from helpninja_app.accounts.models import Role
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from tests.factories import Factory

CONVERSATIONS = 50_000
ASKED = 40
MOST_MS = 100.0
_SEED = 20_261_129
_WORD = re.compile(r"[a-z]{4,}")
_NAMES = ("Ana Reis", "Bo Lind", "Cem Kaya", "Dana Novak", "Eli Stern", "", "", "")

# A year of them: most are done, a tenth waits, each third was escalated, some are tagged or snoozed.
_FILL_CONVERSATIONS = text("""
    insert into conversations
      (workspace_id, id, session_id, is_signed, status, page_url, created_at, last_message_at,
       last_visitor_at, waiting_since, assignee_id, tags, snoozed_until, visitor_name, visitor_email)
    select :workspace, gen_random_uuid(), 'bench-' || n, true,
      case when n % 20 < 12 then 'resolved' when n % 20 < 17 then 'bot' when n % 20 < 19 then 'waiting'
           else 'human' end,
      'https://' || (array['shop', 'help', 'blog'])[1 + n % 3] || '.example/page/' || n % 400,
      moment - interval '1 hour', moment, moment - interval '1 minute',
      case when n % 20 >= 17 and n % 3 > 0 then moment - n % 7 * interval '1 minute' end,
      case when n % 4 = 0 then (cast(:members as uuid[]))[1 + n / 4 % :count] end,
      case when n % 10 = 0 then array['refund'] when n % 10 = 1 then array['delivery'] else '{}' end,
      case when n % 50 = 0 then now() + interval '1 day' end,
      (cast(:names as text[]))[1 + n % 8],
      case when n % 8 < 5 then 'visitor' || n || '@example.com' else '' end
    from generate_series(1, :conversations) as n,
      lateral (select now() - n * interval '10 minutes' as moment) as given
""")
_FILL_MESSAGES = text("""
    insert into messages (workspace_id, id, conversation_id, role, text, created_at)
    select :workspace, gen_random_uuid(), conversations.id,
      case when place % 2 = 1 then 'visitor' when place = 6 then 'member' else 'bot' end,
      case when place % 2 = 1 then (cast(:questions as text[]))[1 + abs(hashtext(id::text || place)) % 2000]
           else (cast(:answers as text[]))[1 + abs(hashtext(id::text || place)) % 2000] end,
      created_at + place * interval '5 minutes'
    from conversations, generate_series(1, 6) as place where conversations.workspace_id = :workspace
""")
_FILL_WORDS = text("""
    insert into conversation_words (workspace_id, conversation_id, words)
    select workspace_id, id, to_tsvector('simple',
      translate(visitor_name || ' ' || visitor_email || ' ' || said.text, '@.', '  '))
    from conversations join
      (select conversation_id, string_agg(text, ' ') as text from messages
       where workspace_id = :workspace group by conversation_id) as said on said.conversation_id = id
    where workspace_id = :workspace
""")
_FILL_ESCALATIONS = text("""
    insert into escalations (workspace_id, id, conversation_id, reason)
    select :workspace, gen_random_uuid(), id,
      (array['low_confidence', 'visitor_request', 'no_answer'])[1 + abs(hashtext(id::text)) % 3]
    from conversations where workspace_id = :workspace and abs(hashtext(session_id)) % 3 = 0
""")


async def run() -> None:
    """See the module."""
    chance = random.Random(_SEED)
    questions = [passage(chance, 12) for _ in range(2_000)]
    answers = [passage(chance, 50) for _ in range(2_000)]
    with scratch_database() as scratch:
        async with opened(scratch, embedder=HashingEmbedder(), member_limit=1_000_000) as resources:
            factory = Factory(resources)
            tenant = await factory.tenant()
            _, headers = await factory.member(tenant, Role.AGENT)
            transport = httpx.ASGITransport(app=create_api())
            async with httpx.AsyncClient(transport=transport, base_url="http://bench.example") as client:
                me = (await client.get("/api/auth/me", headers=headers)).json()["user"]["id"]
                say(f"storing {CONVERSATIONS:,} conversations of six messages")
                async with resources.database.unit_of_work(Scope.members(tenant.id)) as session:
                    await _fill(session, tenant.id, UUID(me), questions, answers)
                # As autovacuum leaves them within a minute.
                await _vacuum(scratch.urls.superuser)
                words = [chance.choice(_WORD.findall(chance.choice(questions))) for _ in range(ASKED)]
                rows: list[Figure] = []
                for name, query in _queries(words, me).items():
                    taken = await _timed(client, headers, query)
                    p50, p95 = (float(np.quantile(taken, share)) for share in (0.5, 0.95))
                    rows.append(at_most(f"{name}, p95 (p50 {p50:,.0f} ms)", p95, MOST_MS, "ms"))
    show(f"The inbox of {CONVERSATIONS:,} conversations over HTTP, pages of 50 with counts", rows)


def _queries(words: list[str], me: str) -> dict[str, list[dict[str, str | list[str]]]]:
    """Each kind of question with the ways to ask it."""
    return {
        "all": [{}],
        "waiting": [{"status": "waiting"}],
        "resolved": [{"status": "resolved"}],
        "longest waiting": [{"sort": "waiting"}],
        "longest waiting, to be answered": [{"sort": "waiting", "status": ["waiting", "human"]}],
        "longest waiting, mine": [{"sort": "waiting", "assignee": "me"}],
        "longest waiting, with a tag": [{"sort": "waiting", "tag": "refund"}],
        "longest waiting, what is snoozed": [{"sort": "waiting", "snoozed": "true"}],
        "by reason": [{"reason": "visitor_request"}],
        "mine": [{"assignee": "me"}],
        "of nobody": [{"assignee": "none", "status": "waiting"}],
        "of a member": [{"assignee": me}],
        "by site": [{"site": "help.example"}],
        "by tag": [{"tag": "refund"}],
        "of a month": [{"since": "2026-06-01T00:00Z", "until": "2026-07-01T00:00Z"}],
        "snoozed": [{"snoozed": "true"}],
        "search for a word": [{"q": word} for word in words],
        "search for two words": [{"q": f"{a} {b}"} for a, b in itertools.pairwise(words)],
        "search for the beginning of a word": [{"q": word[:4]} for word in words],
        "search for an address": [{"q": f"visitor{number}@"} for number in range(100, 200)],
        "search among those waiting": [{"q": word, "status": "waiting"} for word in words],
        "search for what is nowhere": [{"q": "xylophone"}],
    }


async def _fill(
    session: AsyncSession, workspace_id: UUID, me: UUID, questions: list[str], answers: list[str]
) -> None:
    workspace = {"workspace": workspace_id}
    members = {"members": [me], "count": 1, "names": list(_NAMES), "conversations": CONVERSATIONS}
    await session.execute(_FILL_CONVERSATIONS, workspace | members)
    await session.execute(_FILL_MESSAGES, workspace | {"questions": questions, "answers": answers})
    await session.execute(_FILL_WORDS, workspace)
    await session.execute(_FILL_ESCALATIONS, workspace)


async def _vacuum(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("vacuum (analyze) conversations, conversation_words, messages, escalations")


async def _timed(
    client: httpx.AsyncClient, headers: dict[str, str], queries: list[dict[str, str | list[str]]]
) -> list[float]:
    """Milliseconds of each of ``ASKED`` requests; the first is not counted."""
    taken = []
    for number in range(ASKED + 1):
        started = time.perf_counter()
        answer = await client.get(
            "/api/conversations", headers=headers, params=queries[number % len(queries)]
        )
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(answer.text)
        taken.append((time.perf_counter() - started) * 1_000)
    return taken[1:]
