"""How long 100 rules take: reading what is stored, and judging one question by all of them.

Each rule is two groups with seven conditions of all kinds; each question is another one. The rules were read
once before, as in a process that has answered in this workspace. The query of them is not in the figures.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from bench.report import Figure, show
from helpninja_app.conversations.rules.conditions import read_group, write_group
from helpninja_app.conversations.rules.engine import Action, Rule, decide
from helpninja_app.conversations.rules.facts import Facts
from helpninja_app.conversations.rules.service import read_stored
from helpninja_app.kernel.database import new_id

RULES = 100
QUESTIONS = 2_000
TARGET_MS = 1.0
HOURS = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def stored_rule(random: random.Random) -> str:
    """Something that is seldom true, so that all of it has to be looked at."""
    words = [f"word{random.randrange(5_000)}" for _ in range(6)]
    inner = [
        {"fact": "keyword", "operator": "any", "values": words[:4]},
        {"fact": "keyword", "operator": "all", "values": words[4:]},
        {"fact": "page", "operator": "begins_with", "values": [f"/{words[0]}", f"/{words[1]}"]},
        {"fact": "confidence", "operator": "below", "value": 0.05},
        {"fact": "message_count", "operator": "at_least", "value": 20 + random.randrange(20)},
        {"fact": "time", "operator": "between", "from": "02:00", "to": "02:30", "days": ["sun"]},
    ]
    outer = {"fact": "time", "operator": "inside_business_hours"}
    group = {"match": "all", "conditions": [{"match": "any", "conditions": inner}, outer]}
    return json.dumps(write_group(read_group(group)))


def facts(random: random.Random) -> Facts:
    question = " ".join(f"word{random.randrange(5_000)}" for _ in range(14))
    return Facts(
        question=f"{question}, please?",
        confidence=random.random(),
        page_url=f"https://shop.example/help/page{random.randrange(900)}?utm=1",
        message_count=1 + random.randrange(9),
        moment=datetime(2026, 11, 30, tzinfo=UTC) + timedelta(minutes=random.randrange(7 * 24 * 60)),
        time_zone="Europe/Berlin",
        business_hours=HOURS,
    )


async def run() -> None:
    seeded = random.Random(6)
    stored = [(new_id(), stored_rule(seeded)) for _ in range(RULES)]
    reading, judging = [], []
    for _ in range(QUESTIONS):
        asked = facts(seeded)
        started = time.perf_counter()
        rules = [Rule(id, "Rule", Action.ESCALATE, read_stored(each)) for id, each in stored]
        read = time.perf_counter()
        decide(rules, asked)
        judging.append(time.perf_counter() - read)
        reading.append(read - started)
    show(
        "100 rules", [*_figures("judging a question", judging, TARGET_MS), *_figures("reading them", reading)]
    )


def _figures(name: str, seconds: list[float], target: float | None = None) -> list[Figure]:
    found = []
    for rank, value in (
        ("p50", statistics.median(seconds)),
        ("p99", statistics.quantiles(seconds, n=100)[98]),
    ):
        met = value * 1000 <= target if target is not None else None
        aim = f"<= {target:g} ms" if target is not None else ""
        found.append(Figure(f"{name}, {rank}", f"{value * 1000:.2f} ms", aim, met))
    return found
