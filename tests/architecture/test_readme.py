"""The README's table of settings is the settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from helpninja_app.billing_settings import BillingSettings
from helpninja_app.settings import Settings

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def fields() -> list[FieldInfo]:
    """What everybody sets before what only billing needs."""
    known = Settings.model_fields
    billing = BillingSettings.model_fields
    return [known[name] for name in [*(each for each in known if each not in billing), *billing]]


def settings_table() -> str:
    """The table as it has to stand in the README."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for field in fields():
        rows.append(f"| `{field.alias}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(rows)


def _shown(default: Any) -> str:
    if default is None or default == frozenset():
        return ""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_table_of_settings_lists_every_setting_with_its_default_and_meaning() -> None:
    readme = README.read_text(encoding="utf-8")
    stands = readme.split(BEGIN)[1].split(END)[0].strip()
    assert stands == settings_table()


def test_the_example_of_an_env_file_names_every_setting() -> None:
    example = (README.parent / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^# ([A-Z_0-9]+)=", example, re.MULTILINE)
    assert named == [field.alias for field in fields()]


def test_every_setting_says_what_it_is_for() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not field.description]
    assert not silent


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{settings_table()}\n{END}{after}", encoding="utf-8")
