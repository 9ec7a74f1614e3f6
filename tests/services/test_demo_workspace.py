"""The demo workspace: made once, its secrets kept, never in production, and read again at another port."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from helpninja_app import runtime
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.passwords import is_password_right
from helpninja_app.accounts.users import find_password_hash
from helpninja_app.accounts.workspaces import find_workspace
from helpninja_app.answers.answerers import Answerers
from helpninja_app.demo.workspace import (
    KEY_FILE,
    OWNER,
    PASSWORD_FILE,
    PUBLIC_KEY,
    ensure_demo,
    is_demo_searchable,
    read_help_centre,
)
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.models import Document
from helpninja_app.resources import Resources, open_resources
from tests.conftest import make_settings
from tests.factories import Factory, Tenant

PORT = 4001


@pytest.fixture
async def own(own_urls: Urls, tmp_path: Path) -> AsyncIterator[Resources]:
    settings = make_settings(own_urls, tmp_path, env="development", port=PORT)
    async with open_resources(
        settings, own_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as resources:
        yield resources


async def rows_of(own: Resources) -> dict[str, int]:
    workspace = await demo_of(own)
    async with own.database.unit_of_work(workspace) as session:
        return {
            table: (await session.execute(text(f"select count(*) from {table}"))).scalar_one()
            for table in ("workspaces", "users", "members", "api_keys")
        }


async def demo_of(own: Resources) -> Scope:
    async with own.database.unit_of_work() as session:
        return Scope.members((await find_workspace(session, PUBLIC_KEY)).id)


async def test_the_demo_is_made_with_an_owner_and_a_key_that_work(own: Resources) -> None:
    workspace = await ensure_demo(own)
    folder = own.settings.data_dir
    password, key = ((folder / name).read_text().strip() for name in (PASSWORD_FILE, KEY_FILE))
    async with own.database.unit_of_work() as session:
        known = await find_password_hash(session, OWNER)
        assert known is not None
        assert await is_password_right(known, password)
        assert not await is_password_right(known, password + "x")
        [membership] = await list_memberships(session, known[0])
        assert (membership.workspace_id, membership.role) == (workspace.id, Role.OWNER)
    async with own.database.unit_of_work() as session:
        assert (await identify(session, Credentials(bearer=key))).workspace.id == workspace.id
    assert workspace.public_key == PUBLIC_KEY


async def test_only_their_owner_may_read_the_demo_s_secrets(own: Resources) -> None:
    for name in (PASSWORD_FILE, KEY_FILE):
        path = own.settings.data_dir / name
        path.write_text("an older one")
        path.chmod(0o644)
    await ensure_demo(own)
    for name in (PASSWORD_FILE, KEY_FILE):
        path = own.settings.data_dir / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() != "an older one"


async def test_a_second_start_changes_and_prints_nothing(
    own: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await ensure_demo(own)
    kept = [(own.settings.data_dir / name).read_text() for name in (PASSWORD_FILE, KEY_FILE)]
    assert kept[0].strip() in capsys.readouterr().out
    before = await rows_of(own)
    second = await ensure_demo(own)
    assert second.id == first.id
    assert await rows_of(own) == before
    assert capsys.readouterr().out == ""
    assert [(own.settings.data_dir / name).read_text() for name in (PASSWORD_FILE, KEY_FILE)] == kept


async def test_processes_that_start_together_make_one_demo(own: Resources) -> None:
    first, second = await asyncio.gather(ensure_demo(own), ensure_demo(own))
    assert first.id == second.id
    assert (await rows_of(own))["users"] == 1


@pytest.mark.parametrize(("env", "made"), [("production", 0), ("development", 1)])
async def test_a_process_in_production_makes_no_demo(
    own_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: str, made: int
) -> None:
    calls: list[Resources] = []

    async def prepare(resources: Resources) -> None:
        calls.append(resources)

    monkeypatch.setattr(runtime, "prepare_demo", prepare)
    monkeypatch.setattr(
        "helpninja_app.resources.make_embedders", lambda _settings: Embedders(HashingEmbedder())
    )
    settings = make_settings(own_urls, tmp_path, env=env, worker_concurrency=0)
    async with runtime.running(settings):
        # Tasks that were made by now run before this one goes on.
        await asyncio.sleep(0)
    assert len(calls) == made


async def test_pages_of_another_port_are_forgotten_and_read_again(own: Resources) -> None:
    workspace = await ensure_demo(own)
    tenant = Tenant(workspace, "")
    factory = Factory(own)
    here = f"http://127.0.0.1:{PORT}/demo/help/returns.html"
    elsewhere = "https://shop.example/demo/help/returns.html"
    for url in (here, elsewhere, "http://127.0.0.1:4000/demo/help/returns.html"):
        await factory.document(tenant, "# Returns\n\nBoots can be returned.", url=url)
    assert not await is_demo_searchable(own)
    assert await read_help_centre(own, workspace) is not None
    async with own.database.unit_of_work(tenant.scope) as session:
        assert set((await session.execute(select(col(Document.url)))).scalars()) == {here, elsewhere}
        await session.execute(text("update ingest_jobs set state = 'completed'"))
    assert await is_demo_searchable(own)
    assert await read_help_centre(own, workspace) is None
