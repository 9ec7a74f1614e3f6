"""What the ``helpninja`` command does for billing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer

from helpninja_app.accounts.workspaces import all_workspaces, find_workspace
from helpninja_app.billing.verification import Mistake, verify_ledger
from helpninja_app.commands import opened
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from helpninja_app.serving import database, to_terminal
from helpninja_app.settings import Settings, get_settings

ledger = typer.Typer(help="The ledger of credits and messages.", no_args_is_help=True)

Say = Callable[[str], None]


@ledger.command("verify")
def verify_command(
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", "-w", help="One workspace only: its slug, public key or id."),
    ] = None,
) -> None:
    """Prove that every workspace's balance is the sum of its entries.

    Says which entry is wrong if one is; the exit status is 1 then.
    """
    with database(get_settings(), lambda _: None) as prepared:
        is_right = asyncio.run(verify_all(prepared, workspace, to_terminal))
    if not is_right:
        raise typer.Exit(1)


async def verify_all(settings: Settings, tenant: str | None, say: Say) -> bool:
    """Verify one workspace or all; says what is wrong, and returns whether nothing is."""
    async with opened(settings) as resources:
        async with resources.database.unit_of_work() as session:
            ids = [(await find_workspace(session, tenant)).id] if tenant else await all_workspaces(session)
        wrong = 0
        for workspace_id in ids:
            mistakes = await _mistakes(resources, workspace_id)
            wrong += bool(mistakes)
            for mistake in mistakes:
                say(f"{workspace_id} {mistake.unit}: {mistake.sentence}")
    say(f"{wrong} of {len(ids)} ledgers are wrong." if wrong else f"All {len(ids)} ledgers are right.")
    return not wrong


async def _mistakes(resources: Resources, workspace_id: UUID) -> list[Mistake]:
    async with resources.database.unit_of_work(Scope.members(workspace_id), consistent=True) as session:
        return await verify_ledger(session, workspace_id)
