"""What the ``helpninja`` command does beside serving: ingest, ask, evaluate, fit, the demo, a worker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from helpninja_app.accounts import two_factor
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.supabase.introductions import link_user, parse_subject
from helpninja_app.accounts.users import find_password_hash, find_user_id
from helpninja_app.accounts.workspaces import find_workspace
from helpninja_app.answers.confidence import MODEL_FILE
from helpninja_app.answers.evaluation.dataset import (
    LabelledQuestion,
    LabelledSet,
    load_dataset,
    load_question_file,
    load_requests,
)
from helpninja_app.answers.evaluation.expected_pages import with_pages_of
from helpninja_app.answers.evaluation.fit_confidence import FeatureRow, fit
from helpninja_app.answers.evaluation.run import (
    Outcome,
    Summary,
    ask_all,
    names_by_url,
    summarise,
    throw_away_workspace,
    write_outcomes,
)
from helpninja_app.answers.pipeline import Answer, Pipeline, Question, Token
from helpninja_app.demo.workspace import KEY_FILE, OWNER, PASSWORD_FILE, ensure_demo, request_help_centre
from helpninja_app.errors import Invalid, NotFound
from helpninja_app.jobs import make_clock, tasks
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.scope import Scope
from helpninja_app.kernel.telemetry import configure_logging
from helpninja_app.knowledge.ingest_requests import IngestProgress, load_progress, request_ingest
from helpninja_app.resources import Resources, knowledge_limits, open_resources
from helpninja_app.runtime import keep_working
from helpninja_app.settings import Settings

Say = Callable[[str], None]

# Of a file of requests that no document answers, asked of every set.
REQUESTS = 150


@asynccontextmanager
async def opened(settings: Settings, *, with_worker: bool = False) -> AsyncIterator[Resources]:
    configure_logging("warning", settings.log_format)
    async with open_resources(settings, settings.database_url or "", tasks=tasks) as resources:
        working = asyncio.create_task(keep_working(resources)) if with_worker else None
        try:
            yield resources
        finally:
            if working is not None:
                await stop(working)


async def work(settings: Settings, say: Say) -> None:
    """Run jobs and the clock until SIGINT or SIGTERM."""
    configure_logging(settings.log_level, settings.log_format)
    async with open_resources(settings, settings.database_url or "", tasks=tasks) as resources:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        clock = make_clock(resources)
        clock.start()
        working = asyncio.create_task(keep_working(resources))
        couriers = (resources.courier, resources.webhook_courier())
        delivering = [asyncio.create_task(courier.run()) for courier in couriers]
        say("Working. Ctrl-C stops it; jobs under way go on where they are at the next start.")
        await ended.wait()
        clock.shutdown(wait=False)
        await asyncio.gather(*(stop(task) for task in (working, *delivering)))


async def link_supabase_user(settings: Settings, email: str, subject: str, say: Say) -> None:
    """Let somebody who has an account here go on with it when they sign in with Supabase."""
    async with opened(settings) as resources, resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
        if user_id is None:
            raise NotFound(f"Nobody has an account with the address {email}.")
        await link_user(session, parse_subject(subject), user_id)
    say(f"{email} signs in with Supabase from now on.")


async def ingest(
    settings: Settings, tenant: str, address: str, say: Say, *, follows_links: bool | None = None
) -> int:
    """Ingest a page, site or sitemap and follow it to its end; returns the number of searchable documents."""
    async with opened(settings, with_worker=True) as resources:
        workspace = await _find(resources, tenant)
        async with resources.database.unit_of_work(Scope.members(workspace.id)) as session:
            job_id = await request_ingest(
                session,
                resources.queue,
                workspace.id,
                address,
                knowledge_limits(resources.settings, workspace),
                requested_by="command",
                follows_links=follows_links,
            )
        shown = ""
        while True:
            async with resources.database.unit_of_work(Scope.members(workspace.id)) as session:
                progress = await load_progress(session, workspace.id, job_id)
            if (line := _progress_line(progress)) != shown:
                say(line)
                shown = line
            if progress.state.is_over:
                break
            await asyncio.sleep(0.5)
        for page in progress.failed:
            say(f"  failed   {page.url}: {page.reason}")
        for page in progress.skipped[:20]:
            say(f"  skipped  {page.url}: {page.reason}")
        if progress.reason:
            raise Invalid(progress.reason)
        return progress.docs


async def ask(settings: Settings, tenant: str, question: str, say: Say) -> None:
    """Answer a question as the widget would, with sources and confidence; nothing is stored."""
    async with opened(settings) as resources:
        workspace = await _find(resources, tenant)
        pipeline = _pipeline(resources, workspace)
        started = time.perf_counter()
        answer: Answer | None = None
        asked = Question(question, workspace_name=workspace.name, languages=workspace.languages)
        async for event in pipeline.answer(Scope.visitors(workspace.id), asked):
            if not isinstance(event, Token):
                answer = event
        if answer is None:
            raise RuntimeError("The pipeline ended without an answer.")
        say(answer.text)
        for citation in answer.citations:
            say(f"  [{citation.n}] {citation.title}  {citation.url or ''}")
        elapsed = (time.perf_counter() - started) * 1000
        say(f"  {answer.kind}, confidence {answer.confidence:.2f}, {answer.model}, {elapsed:.0f} ms")


async def evaluate(settings: Settings, path: Path, tenant: str | None, out: Path | None, say: Say) -> Summary:
    """Evaluate a labelled set in a throw-away workspace, or a CSV of questions in an existing one."""
    async with opened(settings) as resources:
        if path.suffix.lower() != ".csv":
            outcomes, _ = await _evaluate_set(resources, load_dataset(path))
        elif tenant is None:
            raise Invalid("Name the workspace that the questions are about: --workspace SLUG.")
        else:
            workspace = await _find(resources, tenant)
            scope = Scope.visitors(workspace.id)
            names = await names_by_url(resources.database, scope)
            questions, missing = with_pages_of(load_question_file(path), names.values())
            for page in missing:
                say(f"Not among the pages of {workspace.slug}, so it cannot be found: {page}")
            outcomes = await ask_all(
                _pipeline(resources, workspace),
                scope,
                questions,
                names,
                _show_progress,
                languages=workspace.languages,
            )
    if out is not None:
        write_outcomes(out, outcomes)
        say(f"Wrote {len(outcomes)} rows to {out}")
    summary = summarise(outcomes)
    for line in summary_lines(summary):
        say(line)
    return summary


async def fit_confidence(
    settings: Settings, folders: Sequence[Path], out_of_scope: Path | None, out: Path | None, say: Say
) -> None:
    """Fit the confidence model on labelled sets, through the product's own search, and write it.

    ``out_of_scope`` are requests that no document of any set answers; they are asked of every set.
    """
    requests = load_requests(out_of_scope, at_most=REQUESTS) if out_of_scope else ()
    rows: list[FeatureRow] = []
    async with opened(settings) as resources:
        for folder in folders:
            outcomes, foreign = await _evaluate_set(resources, load_dataset(folder), requests)
            say(f"{folder.name}")
            for line in summary_lines(summarise(outcomes)):
                say(f"  {line}")
            rows += [row for outcome in [*outcomes, *foreign] for row in outcome.rows]
    # The model is part of the product, the names of what it was fitted on are not.
    numbers = {group: number for number, group in enumerate(sorted({row.group for row in rows}), 1)}
    for group, number in numbers.items():
        say(f"group {number}: {group}")
    model = fit(
        [replace(row, group=f"group {numbers[row.group]:02}") for row in rows],
        fitted_on=datetime.now(UTC).date(),
    )
    target = out or MODEL_FILE
    model.save(target)
    say(f"Fitted on {len(rows)} rows; wrote {target}")
    for key, value in model.provenance.get("held_out", {}).items():
        say(f"  held out, {key}: {value}")


async def remove_two_factor(settings: Settings, email: str, say: Say) -> None:
    """Switch two-factor sign-in off for somebody who lost phone and recovery codes; they are told by mail."""
    async with opened(settings) as resources:
        async with resources.database.unit_of_work() as session:
            known = await find_password_hash(session, email)
            if known is None:
                raise NotFound(f"Nobody has an account with the address {email}.")
            await two_factor.remove_two_factor(session, known[0])
            await request_account_mail(session, resources.queue, AccountMail.TWO_FACTOR_OFF, known[0])
        say(f"{email} signs in with the password alone now.")


async def prepare_demo(settings: Settings, say: Say) -> None:
    """Make the demo workspace and read its help centre from the running server."""
    if not settings.is_development:
        raise Invalid("The demo is for development only: HELPNINJA_ENV is production.")
    async with opened(settings, with_worker=True) as resources:
        workspace = await ensure_demo(resources)
        say(f"Sign in as {OWNER}; the password is in {settings.data_dir / PASSWORD_FILE},")
        say(f"the API key in {settings.data_dir / KEY_FILE}. The public key is {workspace.public_key}.")
        if not await _is_served(settings.port):
            say(f"Nothing is served on port {settings.port}, so its help centre is read at the next start.")
            return
        job_id = await request_help_centre(resources, workspace)
        while True:
            async with resources.database.unit_of_work(Scope.members(workspace.id)) as session:
                progress = await load_progress(session, workspace.id, job_id)
            if progress.state.is_over:
                break
            await asyncio.sleep(0.5)
        say(_progress_line(progress))


async def _is_served(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=3.0) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/api/health/live")).status_code == 200
        except httpx.HTTPError:
            return False


def summary_lines(summary: Summary) -> list[str]:
    """The figures of an evaluation, one a line."""

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    return [
        f"questions               {summary.questions}",
        f"nDCG@10                 {shown(summary.ndcg_at_10)}",
        f"recall@5                {shown(summary.recall_at_5)}",
        f"MRR@10                  {shown(summary.mrr_at_10)}",
        f"AUROC of confidence     {shown(summary.auroc)}",
        f"calibration error       {shown(summary.calibration_error)}",
        f"p50 / p99               {summary.p50_ms:.1f} / {summary.p99_ms:.1f} ms",
        f"questions a second      {summary.questions_per_second:.1f}",
    ]


async def _evaluate_set(
    resources: Resources, labelled: LabelledSet, requests: Sequence[LabelledQuestion] = ()
) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of a set's own questions, and of ``requests`` that its documents do not answer."""
    embedder = resources.knowledge.embedders.current
    pipeline = Pipeline(resources.knowledge.index, embedder, resources.answerers)
    async with throw_away_workspace(resources.knowledge, labelled.documents, _show_progress) as (
        scope,
        names,
    ):
        own = await ask_all(pipeline, scope, labelled.questions, names, _show_progress, source=labelled.name)
        foreign = await ask_all(pipeline, scope, requests, names, _show_progress, source="out of scope")
    return own, foreign


async def _find(resources: Resources, tenant: str) -> WorkspaceView:
    async with resources.database.unit_of_work() as session:
        return await find_workspace(session, tenant)


def _pipeline(resources: Resources, workspace: WorkspaceView) -> Pipeline:
    embedder = resources.knowledge.embedders.of(workspace.embedding_model)
    return Pipeline(resources.knowledge.index, embedder, resources.answerers)


def _progress_line(progress: IngestProgress) -> str:
    return (
        f"{progress.state.value}: {progress.found} found, {progress.changed} new or changed,"
        f" {progress.unchanged} unchanged, {progress.failed_count} failed, {progress.skipped_count} skipped,"
        f" {progress.pending} to go"
    )


def _show_progress(what: str, done: int, total: int) -> None:
    # To stderr: stdout is for the result, which may be piped on.
    if done % 50 == 0:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"  {what}: {done} of {total}\n")
            sys.stderr.flush()
