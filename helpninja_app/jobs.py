"""The registry of background tasks and of the clock's ticks; each only opens the door to a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import procrastinate
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from procrastinate import JobContext
from procrastinate.retry import RetryStrategy
from sqlalchemy import text

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.mails import (
    ACCOUNT_TASK,
    INVITE_TASK,
    AccountMail,
    write_account_mail,
    write_invite_mail,
)
from helpninja_app.accounts.workspaces import (
    all_workspaces,
    delete_workspace,
    expired_workspaces,
    load_workspace,
)
from helpninja_app.billing.alerts import ALERT_TASK, write_alert_mail
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.deleted_workspaces import end_subscription, follow_deletions
from helpninja_app.billing.models import Unit
from helpninja_app.billing.stripe_inbox import EVENT_TASK, catch_up, finish, try_again
from helpninja_app.chats.library import PURGE_TASK, purge_chat
from helpninja_app.conversations.dispatch import wake_couriers
from helpninja_app.conversations.mention_mails import MENTION_TASK, mail_mention
from helpninja_app.conversations.rules.deleting import PURGE_TASK as PURGE_RULE_TASK
from helpninja_app.conversations.rules.deleting import purge_rule
from helpninja_app.conversations.snoozes import WAKE_TASK, wake
from helpninja_app.conversations.transcript_mails import TASK as TRANSCRIPT_TASK
from helpninja_app.conversations.transcript_mails import mail_transcript
from helpninja_app.conversations.visitor_mails import VISITOR_TASK, mail_visitor
from helpninja_app.errors import HelpNinjaError, NotFound, Unavailable
from helpninja_app.integrations.deleting import PURGE_TASK as PURGE_INTEGRATION_TASK
from helpninja_app.integrations.deleting import purge_integration
from helpninja_app.integrations.webhooks.notices import NOTICE_TASK, write_notice_mail
from helpninja_app.integrations.webhooks.plans import follow_plan, plan_of_workspace
from helpninja_app.kernel.scope import Scope
from helpninja_app.kernel.telemetry import JOBS
from helpninja_app.knowledge.deadlines import meet_knowledge_deadlines
from helpninja_app.knowledge.ingest import run_ingest
from helpninja_app.knowledge.ingest_requests import give_up_ingest
from helpninja_app.knowledge.re_embedding import TASK, have_embedded_anew, re_embed
from helpninja_app.knowledge.uploads import give_up_document, process_document
from helpninja_app.resources import Resources, knowledge_limits

log = structlog.get_logger(__name__)

tasks = procrastinate.Blueprint()

MAX_ATTEMPTS = 6
# 2, 4, 8, 16 and 32 seconds: a database or a model that is away for a minute costs nothing but time.
RETRY = RetryStrategy(max_attempts=MAX_ATTEMPTS, exponential_wait=2)


@tasks.task(name="ingest", retry=RETRY, pass_context=True)
async def ingest(context: JobContext, *, workspace_id: str, job_id: str) -> None:
    resources = _resources(context)

    async def run(workspace: WorkspaceView) -> None:
        limits = knowledge_limits(resources.settings, workspace)
        await run_ingest(resources.knowledge, workspace.id, UUID(job_id), workspace.embedding_model, limits)

    async def give_up(error: BaseException) -> None:
        await give_up_ingest(resources.database, UUID(workspace_id), UUID(job_id), error)

    await _attempt(context, resources, workspace_id, run, give_up)


@tasks.task(name="process_document", retry=RETRY, pass_context=True)
async def process(context: JobContext, *, workspace_id: str, document_id: str) -> None:
    resources = _resources(context)

    async def run(workspace: WorkspaceView) -> None:
        limits = knowledge_limits(resources.settings, workspace)
        await process_document(
            resources.knowledge, workspace.id, UUID(document_id), workspace.embedding_model, limits
        )

    async def give_up(error: BaseException) -> None:
        await give_up_document(resources.database, UUID(workspace_id), UUID(document_id), error)

    await _attempt(context, resources, workspace_id, run, give_up)


@tasks.task(name=TASK, retry=RETRY, pass_context=True)
async def re_embed_workspace(context: JobContext, *, workspace_id: str) -> None:
    resources = _resources(context)

    async def run(workspace: WorkspaceView) -> None:
        await re_embed(resources.knowledge, workspace.id)

    async def give_up(_: BaseException) -> None:
        # Nobody asked for it, so nobody is told: it is searched as before, and the next start tries again.
        log.error("re_embedding_given_up", workspace=workspace_id)

    await _attempt(context, resources, workspace_id, run, give_up)


@tasks.task(name=ACCOUNT_TASK, retry=RETRY, pass_context=True)
async def send_account_mail(context: JobContext, *, kind: str, user_id: str) -> None:
    resources = _resources(context)
    async with resources.database.unit_of_work() as session:
        origin = resources.settings.link_origin
        mail = await write_account_mail(session, AccountMail(kind), UUID(user_id), origin=origin)
    if mail is not None:
        await resources.mailer.send(mail)


@tasks.task(name=INVITE_TASK, retry=RETRY, pass_context=True)
async def send_invite_mail(context: JobContext, *, workspace_id: str, invite_id: str) -> None:
    resources = _resources(context)
    async with resources.database.unit_of_work() as session:
        origin = resources.settings.link_origin
        mail = await write_invite_mail(session, UUID(workspace_id), UUID(invite_id), origin=origin)
    if mail is not None:
        await resources.mailer.send(mail)


@tasks.task(name=ALERT_TASK, retry=RETRY, pass_context=True)
async def send_usage_alert(
    context: JobContext, *, workspace_id: str, user_id: str, unit: str, threshold: str
) -> None:
    resources = _resources(context)
    async with resources.database.unit_of_work() as session:
        mail = await write_alert_mail(
            session,
            UUID(workspace_id),
            UUID(user_id),
            Unit(unit),
            int(threshold),
            resources.plan_of,
            origin=resources.settings.link_origin,
        )
    if mail is not None:
        await resources.mailer.send(mail)


@tasks.task(name=VISITOR_TASK, retry=RETRY, pass_context=True)
async def send_visitor_mail(context: JobContext, *, workspace_id: str, conversation_id: str) -> None:
    resources = _resources(context)
    await mail_visitor(
        resources.database,
        resources.queue,
        resources.mailer,
        resources.limiter,
        UUID(workspace_id),
        UUID(conversation_id),
        signing_key=resources.settings.signing_key(),
        inbox=resources.settings.reply_address,
        is_last=_is_last(context),
    )


@tasks.task(name=WAKE_TASK, retry=RETRY, pass_context=True)
async def wake_conversation(context: JobContext, *, workspace_id: str, conversation_id: str) -> None:
    resources = _resources(context)
    await wake(resources.database, resources.queue, UUID(workspace_id), UUID(conversation_id))


@tasks.task(name=MENTION_TASK, retry=RETRY, pass_context=True)
async def send_mention_mail(
    context: JobContext, *, workspace_id: str, user_id: str, conversation_id: str
) -> None:
    resources = _resources(context)
    await mail_mention(
        resources.database,
        resources.mailer,
        resources.limiter,
        UUID(workspace_id),
        UUID(user_id),
        UUID(conversation_id),
        origin=resources.settings.link_origin,
    )


@tasks.task(name=NOTICE_TASK, retry=RETRY, pass_context=True)
async def send_webhook_notice(
    context: JobContext, *, workspace_id: str, user_id: str, endpoint_id: str
) -> None:
    resources = _resources(context)
    async with resources.database.unit_of_work() as session:
        origin = resources.settings.link_origin
        mail = await write_notice_mail(
            session, UUID(workspace_id), UUID(user_id), UUID(endpoint_id), origin=origin
        )
    if mail is not None:
        await resources.mailer.send(mail)


@tasks.task(name=TRANSCRIPT_TASK, retry=RETRY, pass_context=True)
async def send_transcript_mail(context: JobContext, *, workspace_id: str, mail_id: str) -> None:
    resources = _resources(context)
    await mail_transcript(
        resources.database,
        resources.mailer,
        UUID(workspace_id),
        UUID(mail_id),
        is_last=_is_last(context),
    )


@tasks.task(name=EVENT_TASK, retry=RETRY, pass_context=True)
async def stripe_event(context: JobContext, *, event_id: str) -> None:
    resources = _resources(context)
    try:
        await resources.effects_of_stripe().work_on(event_id)
        JOBS.labels(EVENT_TASK, "done").inc()
    except Exception as error:
        log.exception("stripe_event_failed", event_id=event_id, attempts=context.job.attempts + 1)
        JOBS.labels(EVENT_TASK, "failed").inc()
        if context.job.attempts + 1 < MAX_ATTEMPTS:
            raise
        detail = error.detail if isinstance(error, HelpNinjaError) else type(error).__name__
        async with resources.database.unit_of_work() as session:
            await finish(session, event_id, "parked", detail)


@tasks.task(name=PURGE_TASK, retry=RETRY, pass_context=True)
async def purge_deleted_chat(context: JobContext, *, workspace_id: str, user_id: str, chat_id: str) -> None:
    scope = Scope.members(UUID(workspace_id), UUID(user_id) if user_id else None)
    async with _resources(context).database.unit_of_work(scope) as session:
        await purge_chat(session, UUID(workspace_id), UUID(chat_id))


@tasks.task(name=PURGE_INTEGRATION_TASK, retry=RETRY, pass_context=True)
async def purge_deleted_integration(context: JobContext, *, workspace_id: str, integration_id: str) -> None:
    scope = Scope.members(UUID(workspace_id))
    async with _resources(context).database.unit_of_work(scope) as session:
        await purge_integration(session, UUID(workspace_id), UUID(integration_id))


@tasks.task(name=PURGE_RULE_TASK, retry=RETRY, pass_context=True)
async def purge_deleted_rule(context: JobContext, *, workspace_id: str, rule_id: str) -> None:
    scope = Scope.members(UUID(workspace_id))
    async with _resources(context).database.unit_of_work(scope) as session:
        await purge_rule(session, UUID(workspace_id), UUID(rule_id))


async def follow_configured_model(resources: Resources) -> None:
    """Have every workspace embedded anew whose vectors are not of the configured model."""
    knowledge = resources.knowledge
    async with resources.database.unit_of_work() as session:
        workspaces = await all_workspaces(session)
    for workspace_id in workspaces:
        try:
            await have_embedded_anew(knowledge, workspace_id)
        except NotFound:
            continue


async def follow_plans(resources: Resources) -> None:
    """Pause and resume webhook endpoints: whether plans are limited is a setting, and may have changed."""
    async with resources.database.unit_of_work() as session:
        workspaces = await all_workspaces(session)
    for workspace_id in workspaces:
        async with resources.database.unit_of_work(Scope.members(workspace_id)) as session:
            plan = await plan_of_workspace(session, workspace_id, resources.plan_of)
            await follow_plan(session, workspace_id, plan)


async def _attempt(
    context: JobContext,
    resources: Resources,
    workspace_id: str,
    run: Callable[[WorkspaceView], Awaitable[None]],
    give_up: Callable[[BaseException], Awaitable[None]],
) -> None:
    """Run a job in its workspace; on its last try what went wrong is shown to the user instead of raised."""
    task = context.task.name.removeprefix("helpninja:") if context.task else ""
    try:
        async with resources.database.unit_of_work(Scope.members(UUID(workspace_id))) as session:
            workspace = await load_workspace(session, UUID(workspace_id))
        await run(workspace)
        JOBS.labels(task, "done").inc()
    except NotFound:
        # Its workspace, document or job was deleted in the meantime: nothing is left to do.
        JOBS.labels(task, "gone").inc()
    except Exception as error:
        attempts = context.job.attempts + 1
        log.exception("job_failed", task=task, attempts=attempts)
        JOBS.labels(task, "failed").inc()
        if attempts < MAX_ATTEMPTS:
            raise
        await give_up(error)


async def rescue_stalled_jobs(resources: Resources) -> None:
    await resources.queue.rescue_stalled()


async def remove_expired_workspaces(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        expired = await expired_workspaces(session)
    for workspace_id in expired:
        try:
            if resources.stripe is not None:
                await end_subscription(resources.database, resources.stripe.gateway, workspace_id)
            # The files before their rows: what is interrupted here is found and done again. Nobody can bring
            # it back now.
            await resources.knowledge.files.remove_workspace(workspace_id)
            async with resources.database.unit_of_work() as session:
                await delete_workspace(session, workspace_id)
        except Unavailable as error:
            # Somebody still wrote into it, or Stripe or the file storage is away. The others do not wait for
            # that, and this one for the next tick.
            log.warning("workspace_not_removed_yet", workspace=str(workspace_id), detail=error.detail)


async def end_plans_of_deleted_workspaces(resources: Resources) -> None:
    if resources.stripe is not None:
        await follow_deletions(resources.database, resources.stripe.gateway)


async def keep_billing_up_to_date(resources: Resources) -> None:
    await meet_deadlines(resources.database, resources.queue, resources.plan_of)


async def fetch_stripe_events(resources: Resources) -> None:
    """What Stripe sent while we were away, and what failed before."""
    if resources.stripe is not None:
        async with resources.database.unit_of_work() as session:
            await try_again(session, resources.queue)
        await catch_up(resources.database, resources.queue, resources.stripe)


async def keep_knowledge_up_to_date(resources: Resources) -> None:
    knowledge = resources.knowledge
    await meet_knowledge_deadlines(resources.database, resources.queue, knowledge.files)


async def wake_for_deliveries(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        await wake_couriers(session)


TICKS: tuple[tuple[Callable[[Resources], Awaitable[None]], int], ...] = (
    (rescue_stalled_jobs, 10),
    (remove_expired_workspaces, 600),
    (end_plans_of_deleted_workspaces, 60),
    (keep_billing_up_to_date, 30),
    (fetch_stripe_events, 600),
    (keep_knowledge_up_to_date, 30),
    (wake_for_deliveries, 10),
)


def make_clock(resources: Resources) -> AsyncIOScheduler:
    """APScheduler as the clock only; of many processes whose clocks tick one does the work."""
    clock = AsyncIOScheduler(timezone="UTC")
    for tick, seconds in TICKS:
        clock.add_job(
            _tick,
            "interval",
            (resources, tick),
            seconds=seconds,
            coalesce=True,
            max_instances=1,
            id=tick.__name__,
        )
    return clock


async def _tick(resources: Resources, tick: Callable[[Resources], Awaitable[None]]) -> None:
    try:
        async with resources.database.unit_of_work() as session:
            mine = await session.execute(
                text("select pg_try_advisory_xact_lock(hashtextextended('tick:' || :name, 0))"),
                {"name": tick.__name__},
            )
            if mine.scalar_one():
                await tick(resources)
    except Exception:
        # The next tick tries again; a clock that died of one bad minute would never.
        log.exception("tick_failed", tick=tick.__name__)


def _is_last(context: JobContext) -> bool:
    return context.job.attempts + 1 >= MAX_ATTEMPTS


def _resources(context: JobContext) -> Resources:
    resources = context.additional_context["resources"]
    if not isinstance(resources, Resources):
        raise TypeError("The worker was started without its resources.")
    return resources
