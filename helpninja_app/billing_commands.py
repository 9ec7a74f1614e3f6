"""What the ``helpninja`` command does for billing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

import structlog
import typer

from helpninja_app.accounts.workspaces import all_workspaces, find_workspace
from helpninja_app.billing.custom_limits import set_custom_limits
from helpninja_app.billing.plans import CUSTOMIZABLE, PLANS, Feature
from helpninja_app.billing.stripe_inbox import (
    RETRIED,
    UNDONE,
    catch_up,
    find_event,
    replay,
    waiting_events,
)
from helpninja_app.billing.verification import Mistake, verify_ledger
from helpninja_app.commands import opened
from helpninja_app.errors import HelpNinjaError
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from helpninja_app.serving import database, to_terminal
from helpninja_app.settings import Settings, get_settings

log = structlog.get_logger(__name__)

ledger = typer.Typer(help="The ledger of credits and messages.", no_args_is_help=True)

webhooks = typer.Typer(help="What Stripe sent.", no_args_is_help=True)

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


def limits_command(
    workspace: Annotated[
        str, typer.Option("--workspace", "-w", help="The workspace's slug, public key or id.")
    ],
    messages: Annotated[int | None, typer.Option(help="Visitors' messages a month.")] = None,
    credits: Annotated[int | None, typer.Option(help="Credits a month for the dashboard's chat.")] = None,
    documents: Annotated[int | None, typer.Option(help="Documents of its knowledge.")] = None,
    pages_per_crawl: Annotated[int | None, typer.Option(help="Pages that one crawl reads.")] = None,
    as_planned: Annotated[
        bool, typer.Option("--as-planned", help="Take back what was agreed before; the options then count.")
    ] = False,
) -> None:
    """Say which limits count for a workspace, and agree others with it than its plan has.

    They count at once, and while the workspace is on a plan with custom limits.
    """
    given = {
        "messages": messages,
        "credits": credits,
        "documents": documents,
        "pages_per_crawl": pages_per_crawl,
    }
    agreed = {name: limit for name, limit in given.items() if limit is not None}
    with database(get_settings(), lambda _: None) as prepared:
        asyncio.run(agree_limits(prepared, workspace, agreed, to_terminal, as_planned=as_planned))


async def agree_limits(
    settings: Settings, tenant: str, agreed: Mapping[str, int], say: Say, *, as_planned: bool
) -> None:
    """Add ``agreed`` to the custom limits, or put it in their place; says what counts then."""
    async with opened(settings) as resources:
        async with resources.database.unit_of_work() as session:
            found = await find_workspace(session, tenant)
        async with resources.database.unit_of_work(Scope.members(found.id)) as session:
            terms = await set_custom_limits(session, found.id, agreed, resources.plan_of, anew=as_planned)
    counting, planned = resources.plan_of(terms), PLANS[terms.plan]
    say(f"{found.slug} is on the {terms.plan} plan.")
    if resources.settings.is_unlimited:
        say("Nothing is limited on this installation, whatever is agreed.")
        return
    for name in CUSTOMIZABLE:
        limit, usual = getattr(counting, name), getattr(planned, name)
        shown = "unlimited" if limit is None else f"{limit:,}"
        say(f"  {name:<16}{shown:>14}" + (f"  (the plan's: {usual:,})" if limit != usual else ""))
    if terms.custom_limits and Feature.CUSTOM_LIMITS not in counting.features:
        say("What was agreed waits until the plan has custom limits again.")


@webhooks.command("replay")
def replay_command(
    event: Annotated[
        list[str] | None, typer.Option("--event", "-e", help="The id of an event; may be given again.")
    ] = None,
    ignored: Annotated[
        bool,
        typer.Option(
            "--ignored", help="Also what was of customers not known here, as after a backup was restored."
        ),
    ] = False,
) -> None:
    """Work again on what Stripe sent: the events named, or all that wait or were parked or refused.

    Without names it also asks Stripe for what it sent in the last thirty days and nobody here could take.
    An event that is named is also worked on if it was ignored.
    The exit status is 1 when an event is unknown, fails or is parked.
    """
    with database(get_settings(), lambda _: None) as prepared:
        is_well = asyncio.run(replay_events(prepared, event or None, to_terminal, with_ignored=ignored))
    if not is_well:
        raise typer.Exit(1)


async def replay_events(
    settings: Settings, ids: list[str] | None, say: Say, *, with_ignored: bool = False
) -> bool:
    """Fetch what is missing, and have it and what is not done worked on; says what became of each.

    What was ignored only where it is named or wanted.

    Returns whether nobody has to look at any of them.
    """
    async with opened(settings) as resources:
        stripe = resources.need_stripe()
        if ids is None:
            say(f"{await catch_up(resources.database, resources.queue, stripe)} events were missing.")
        async with resources.database.unit_of_work() as session:
            wanted = UNDONE if ids is not None or with_ignored else RETRIED
            await replay(session, resources.queue, ids, is_live=stripe.gateway.is_live, states=wanted)
            waiting = await waiting_events(session, ids)
        states = [await _work_on(resources, event_id, say) for event_id in waiting]
        for event_id in ids or ():
            if event_id not in waiting:
                states.append(await _say_state(resources, event_id, say))
        say(f"{len(waiting)} events were worked on.")
    return not {"unknown", "failed", "parked"} & set(states)


async def _work_on(resources: Resources, event_id: str, say: Say) -> str:
    """Bring an event to its end, whatever it does; the state that it says."""
    try:
        await resources.effects_of_stripe().work_on(event_id)
    except Exception as error:
        # The others do not wait for this one.
        log.exception("stripe_event_failed", event_id=event_id)
        said = error.detail if isinstance(error, HelpNinjaError) else type(error).__name__
        say(f"{event_id}: not done. {said}")
        return "failed"
    return await _say_state(resources, event_id, say)


async def _say_state(resources: Resources, event_id: str, say: Say) -> str:
    async with resources.database.unit_of_work() as session:
        kept = await find_event(session, event_id)
    say(f"{event_id}: {kept.state}. {kept.detail}".rstrip() if kept else f"{event_id}: unknown here.")
    return kept.state if kept else "unknown"


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
