"""What the ``helpninja`` command does beside serving, on the tests' database and without a model."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner

from helpninja_app import cli as cli_module
from helpninja_app import commands
from helpninja_app.accounts.two_factor import begin_two_factor, confirm_two_factor, is_two_factor_on
from helpninja_app.accounts.users import find_password_hash
from helpninja_app.answers.confidence import ConfidenceModel
from helpninja_app.answers.pipeline import Pipeline
from helpninja_app.errors import Invalid, NotFound
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources
from helpninja_app.settings import Settings, SettingsRefused
from helpninja_app.version import VERSION
from tests.api.ingesting import page, sitemap, xml
from tests.conftest import OpenSite
from tests.factories import Factory
from tests.loopback_site import answer

TOPICS = {
    "boots": "Boots can be returned within sixty days of delivery for a full refund.",
    "tents": "Tents are repaired in our workshop in Bergen for a fixed price.",
    "stoves": "Stoves burn white gas, and every stove comes with a repair kit.",
    "skis": "Skis are waxed for free on the first Monday of November.",
    "ropes": "Ropes are certified for ten years after their production.",
    "lamps": "Lamps run on batteries of the size AAA, which are included.",
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "helpninja_app.resources.make_embedders", lambda _settings: Embedders(HashingEmbedder())
    )


@pytest.fixture
def said() -> list[str]:
    return []


def labelled_set(folder: Path) -> Path:
    """Six documents, a question about each, and two that none of them answers."""
    folder.mkdir()
    corpus = [{"id": name, "title": name.title(), "text": body} for name, body in TOPICS.items()]
    queries = [
        {"id": f"q-{name}", "text": body, "history": [], "relevant": [name], "answerable": True}
        for name, body in TOPICS.items()
    ] + [
        {"id": f"n-{number}", "text": asked, "history": [], "relevant": [], "answerable": False}
        for number, asked in enumerate(("Does Neptune have rings?", "Who delivers boots to the moon?"))
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


async def throw_away_workspaces(resources: Resources) -> int:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text("select count(*) from workspace_handles where handle like 'evaluation-%'")
        )
        return int(found.scalar_one())


async def test_a_labelled_set_is_evaluated_and_leaves_no_workspace(
    settings: Settings, resources: Resources, tmp_path: Path, said: list[str]
) -> None:
    out = tmp_path / "out.jsonl"
    summary = await commands.evaluate(settings, labelled_set(tmp_path / "set"), None, out, said.append)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == [*(f"q-{name}" for name in TOPICS), "n-0", "n-1"]
    for row in rows:
        assert set(row) == {"id", "ranked", "confidence", "answerable", "ms"}
        assert all(set(item) == {"id", "score"} for item in row["ranked"])
        assert 0 <= row["confidence"] <= 1
        assert isinstance(row["answerable"], bool)
        assert row["ms"] > 0
    best = {row["id"]: row["ranked"][0]["id"] for row in rows if row["id"].startswith("q-")}
    assert best == {f"q-{name}": name for name in TOPICS}
    assert (summary.questions, summary.ndcg_at_10) == (8, 1.0)
    assert said[0] == f"Wrote 8 rows to {out}"
    assert any(line.startswith("nDCG@10") and line.endswith("1.000") for line in said)
    assert await throw_away_workspaces(resources) == 0


async def test_an_evaluation_that_fails_leaves_no_workspace_either(
    settings: Settings,
    resources: Resources,
    tmp_path: Path,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    during: list[int] = []

    async def fail(*_: object, **__: object) -> None:
        during.append(await throw_away_workspaces(resources))
        raise RuntimeError("this question is too much")

    monkeypatch.setattr(Pipeline, "retrieve", fail)
    with pytest.raises(RuntimeError, match="too much"):
        await commands.evaluate(settings, labelled_set(tmp_path / "set"), None, None, said.append)
    assert during == [1]
    assert await throw_away_workspaces(resources) == 0


async def test_a_table_of_questions_is_asked_in_a_workspace_of_ours(
    settings: Settings, factory: Factory, tmp_path: Path, said: list[str]
) -> None:
    tenant = await factory.tenant()
    url = "https://shop.example/help/boots"
    await factory.document(tenant, TOPICS["boots"], title="Boots", url=url)
    table, out = tmp_path / "questions.csv", tmp_path / "out.jsonl"
    table.write_text(f"question,url\nWithin how many days can boots be returned?,{url}\nIs it warm?,\n")
    with pytest.raises(Invalid, match="--workspace"):
        await commands.evaluate(settings, table, None, out, said.append)
    summary = await commands.evaluate(settings, table, tenant.workspace.slug, out, said.append)
    first, _ = [json.loads(line) for line in out.read_text().splitlines()]
    assert first["ranked"][0]["id"] == url
    assert summary.recall_at_5 == 1.0
    assert not any("Not among" in line for line in said)
    table.write_text("question,url\nHow are boots returned?,/help/boots\nWhat of tents?,/help/tents\n")
    summary = await commands.evaluate(settings, table, tenant.workspace.slug, None, said.append)
    assert summary.recall_at_5 == 0.5
    assert [line for line in said if "Not among" in line] == [
        f"Not among the pages of {tenant.workspace.slug}, so it cannot be found: /help/tents"
    ]


async def test_a_question_is_answered_with_its_sources(
    settings: Settings, factory: Factory, said: list[str]
) -> None:
    tenant = await factory.tenant()
    url = "https://shop.example/help/boots"
    await factory.document(tenant, TOPICS["boots"], title="Boots", url=url)
    question = "Within how many days of delivery can boots be returned for a refund?"
    await commands.ask(settings, tenant.workspace.slug, question, said.append)
    assert "sixty days" in said[0]
    assert any("[1] Boots" in line and url in line for line in said[1:-1])
    assert said[-1].startswith("  answer, confidence ")


async def test_asking_in_a_workspace_that_is_not_there_says_so(settings: Settings, said: list[str]) -> None:
    with pytest.raises(NotFound):
        await commands.ask(settings, "nobody-has-this-one", "Hello?", said.append)
    assert said == []


async def test_an_ingest_is_followed_to_its_end(
    settings: Settings, factory: Factory, open_site: OpenSite, said: list[str]
) -> None:
    tenant = await factory.tenant()
    site = await open_site({"/boots": answer(page("boots")), "/gone": answer(status="404 Not Found")})
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/boots", f"{site.url}/gone"))
    slug, address = tenant.workspace.slug, f"{site.url}/sitemap.xml"
    assert await commands.ingest(settings, slug, address, said.append) == 1
    assert any(line.startswith("completed: 2 found, 1 new or changed") for line in said)
    assert any(f"{site.url}/gone" in line for line in said)


async def test_a_fitted_confidence_model_can_be_loaded(
    settings: Settings, tmp_path: Path, said: list[str]
) -> None:
    out, requests = tmp_path / "model.json", tmp_path / "requests.jsonl"
    requests.write_text('{"text": "Book me a table for two."}\n{"text": "Play some jazz."}\n')
    folders = [labelled_set(tmp_path / name) for name in ("first", "second")]
    await commands.fit_confidence(settings, folders, requests, out, said.append)
    model = ConfidenceModel.load(out)
    assert model.provenance["rows"] > 0
    # The names of what it was fitted on are no part of the product.
    assert "first" not in out.read_text()
    assert any(line.startswith("group 1: ") for line in said)


COMMANDS = [
    "limits",
    "serve",
    "migrate",
    "worker",
    "ingest",
    "ask",
    "evaluate",
    "fit-confidence",
    "remove-two-factor",
    "demo",
    "link-supabase-user",
    "version",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli_module.cli, [command, "--help"])
    assert result.exit_code == 0
    assert f" {command} " in result.output


def test_there_are_no_other_commands() -> None:
    known = cli_module.cli.registered_commands
    assert [
        item.name or getattr(item.callback, "__name__", "").replace("_", "-") for item in known
    ] == COMMANDS


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(cli_module.cli, ["version"])
    assert (result.exit_code, result.output) == (0, f"{VERSION}\n")


@pytest.mark.parametrize(
    "command",
    [["ask", "Hello?"], ["ingest", "https://shop.example/"], ["evaluate", "{folder}"], ["migrate"]],
    ids=lambda command: str(command[0]),
)
def test_no_command_runs_in_production_with_a_weak_key(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    weak = settings.model_copy(update={"secret_key": SecretStr("changeme")})
    assert not weak.is_development
    monkeypatch.setattr(cli_module, "get_settings", lambda: weak)
    arguments = [part.format(folder=tmp_path) for part in command]
    result = CliRunner().invoke(cli_module.cli, arguments)
    assert isinstance(result.exception, SettingsRefused)
    assert "HELPNINJA_SECRET_KEY is weak" in str(result.exception)


async def test_the_operator_switches_two_factor_sign_in_off_for_who_lost_everything(
    settings: Settings, resources: Resources, factory: Factory, said: list[str]
) -> None:
    email, _ = await factory.member(await factory.tenant())
    async with resources.database.unit_of_work() as session:
        known = await find_password_hash(session, email)
        assert known is not None
        secret = await begin_two_factor(session, settings.keys_for_encryption(), known[0], known[0])
        code = pyotp.TOTP(secret).now()
        await confirm_two_factor(session, settings.keys_for_encryption(), known[0], known[0], code)
    await commands.remove_two_factor(settings, email.upper(), said.append)
    assert "password alone" in said[-1]
    async with resources.database.unit_of_work(Scope(user_id=known[0])) as session:
        assert not await is_two_factor_on(session, known[0])
    for nobody, why in ((email, "is not on"), ("nobody@example.com", "Nobody has an account")):
        with pytest.raises(NotFound, match=why):
            await commands.remove_two_factor(settings, nobody, said.append)
