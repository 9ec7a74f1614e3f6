"""What the ``helpninja`` command does about secrets that the database keeps encrypted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import typer

from helpninja_app.accounts.two_factor import rotate_second_factor
from helpninja_app.accounts.users import all_users
from helpninja_app.accounts.workspaces import all_workspaces
from helpninja_app.commands import opened
from helpninja_app.integrations.rotation import rotate_credentials
from helpninja_app.integrations.webhooks.secrets import rotate_webhook_secrets
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from helpninja_app.serving import database, to_terminal
from helpninja_app.settings import Settings, get_settings

secrets = typer.Typer(help="Secrets that are kept encrypted.", no_args_is_help=True)

Say = Callable[[str], None]


@secrets.command("rotate")
def rotate_command() -> None:
    """Encrypt what integrations, webhook endpoints and two-factor sign-in keep secret under the first key.

    Put a new key before the older ones in HELPNINJA_ENCRYPTION_KEYS, restart the servers, and run this. It
    may be interrupted and run again. The exit status is 1 when there are secrets that no key here can read;
    else the older keys are needed no more.
    """
    with database(get_settings(), lambda _: None) as prepared:
        is_whole = asyncio.run(rotate_all(prepared, to_terminal))
    if not is_whole:
        raise typer.Exit(1)


async def rotate_all(settings: Settings, say: Say) -> bool:
    """Whether all could be read."""
    async with opened(settings) as resources:
        return await rotate_in(resources, say)


async def rotate_in(resources: Resources, say: Say) -> bool:
    keys = resources.courier.keys
    async with resources.database.unit_of_work() as session:
        workspaces, users = await all_workspaces(session), await all_users(session)
    changed = unreadable = 0
    for workspace_id in workspaces:
        # Each in a transaction of its own: what is done stays done.
        async with resources.database.unit_of_work(Scope.members(workspace_id)) as session:
            rotated = await rotate_credentials(session, workspace_id, keys)
            endpoints = await rotate_webhook_secrets(session, workspace_id, keys)
        changed += rotated.changed + endpoints[0]
        unreadable += rotated.unreadable + endpoints[1]
    for user_id in users:
        async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
            factor = await rotate_second_factor(session, keys, user_id)
        changed += factor[0]
        unreadable += factor[1]
    say(f"{changed} secrets of integrations, webhooks and sign-in are encrypted under the first key now.")
    if unreadable:
        say(f"{unreadable} could not be read: the key that they were encrypted with is missing.")
    return not unreadable
