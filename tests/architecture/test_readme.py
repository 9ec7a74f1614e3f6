"""The README's table of settings is the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from helpninja_app.billing.plans import MEGABYTE, PLANS, Feature, Plan
from helpninja_app.billing_settings import BillingSettings
from helpninja_app.mail_settings import MailSettings
from helpninja_app.settings import Settings

README = Path(__file__).parents[2] / "README.md"
PLANS_BEGIN, PLANS_END = "<!-- plans: begin -->", "<!-- plans: end -->"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def fields() -> list[FieldInfo]:
    """What everybody sets before what only mail and billing need."""
    known, mail, billing = (each.model_fields for each in (Settings, MailSettings, BillingSettings))
    rest = (name for name in known if name not in mail and name not in billing)
    return [known[name] for name in (*rest, *mail, *billing)]


def settings_table() -> str:
    """The table as it has to stand in the README."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for field in fields():
        rows.append(f"| `{field.alias}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(rows)


def plans_table() -> str:
    """The table of plans as it has to stand in the README."""

    def row(name: str, shown: Callable[[Plan], object]) -> str:
        return f"| {name} | {' | '.join(str(shown(plan)) for plan in PLANS.values())} |"

    def many(value: int | None) -> str:
        return "unlimited" if value is None else f"{value:,}"

    return "\n".join(
        [
            f"| | {' | '.join(PLANS)} |",
            f"|---|{'---|' * len(PLANS)}",
            row("a month", lambda plan: f"${plan.price_month // 100:,}"),
            row("a year", lambda plan: f"${plan.price_year // 100:,}"),
            row("visitors' messages a month", lambda plan: many(plan.messages)),
            row("credits a month", lambda plan: many(plan.credits)),
            row("sites", lambda plan: many(plan.sites)),
            row("documents", lambda plan: many(plan.documents)),
            row("pages of one crawl", lambda plan: many(plan.pages_per_crawl)),
            row("one upload", lambda plan: f"{plan.upload_bytes // MEGABYTE} MB"),
            row("integrations", lambda plan: many(plan.integrations)),
            row("members", lambda plan: many(plan.members)),
            row("models of the private chat", lambda plan: plan.models.value),
            *(row(feature.value, partial(_has, feature)) for feature in Feature),
        ]
    )


def _has(feature: Feature, plan: Plan) -> str:
    return "yes" if feature in plan.features else ""


def _shown(default: Any) -> str:
    if default is None or default in (frozenset(), ()):
        return ""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_table_of_settings_lists_every_setting_with_its_default_and_meaning() -> None:
    readme = README.read_text(encoding="utf-8")
    stands = readme.split(BEGIN)[1].split(END)[0].strip()
    assert stands == settings_table()


def test_the_table_of_plans_is_the_plans() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme.split(PLANS_BEGIN)[1].split(PLANS_END)[0].strip() == plans_table()


def test_the_example_of_an_env_file_names_every_setting() -> None:
    example = (README.parent / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^# ([A-Z_0-9]+)=", example, re.MULTILINE)
    assert named == [field.alias for field in fields()]


def test_every_setting_says_what_it_is_for() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not field.description]
    assert not silent


def _with_table(readme: str, begin: str, end: str, table: str) -> str:
    return f"{readme.split(begin)[0]}{begin}\n{table}\n{end}{readme.split(end)[1]}"


if __name__ == "__main__":
    written = _with_table(README.read_text(encoding="utf-8"), BEGIN, END, settings_table())
    README.write_text(_with_table(written, PLANS_BEGIN, PLANS_END, plans_table()), encoding="utf-8")
