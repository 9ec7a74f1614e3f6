"""What a process holds while it runs: made once at start, passed down, closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from uuid import UUID

import procrastinate

from helpninja_app.accounts.callers import StaffCaller, WorkspaceView
from helpninja_app.accounts.supabase.introductions import Admission
from helpninja_app.accounts.supabase.project import Supabase
from helpninja_app.answers.answerers import Answerers, ProviderKey
from helpninja_app.answers.catalogue import Catalogue, Model
from helpninja_app.answers.pipeline import Pipeline
from helpninja_app.answers.providers.base import Timeouts
from helpninja_app.billing.checkout import Cashier
from helpninja_app.billing.plans import (
    PACKS,
    HasPlan,
    Interval,
    PaidPlanName,
    Plan,
    plan_in_force,
    without_larger,
)
from helpninja_app.billing.prices import PlanPrice, Prices
from helpninja_app.billing.stripe_account import StripeAccount
from helpninja_app.billing.stripe_effects import Effects
from helpninja_app.billing.stripe_gateway import StripeGateway
from helpninja_app.chats.writing import ChatDesk, Stop
from helpninja_app.conversations.delivering import Courier, Send
from helpninja_app.conversations.delivery_records import Fallbacks
from helpninja_app.errors import Unavailable
from helpninja_app.integrations.posting import USER_AGENT as WEBHOOK_AGENT
from helpninja_app.integrations.sending import send as send_packet
from helpninja_app.integrations.webhooks.delivering import WebhookCourier
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.files import Files, FolderFiles
from helpninja_app.kernel.live import Live
from helpninja_app.kernel.mail import LogMailer, Mailer, SmtpMailer
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.rate_limits import RateLimiter
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.supabase_files import SupabaseFiles
from helpninja_app.knowledge.crawl.agent import USER_AGENT
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.minilm import MiniLMEmbedder
from helpninja_app.knowledge.embedding.openai import OpenAIEmbedder
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.embedding.remembering import RememberingEmbedder
from helpninja_app.knowledge.extraction.extractor import Extractor
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.search import SearchIndex
from helpninja_app.knowledge.tools import KnowledgeTools
from helpninja_app.settings import Settings, SettingsRefused

# How long answers under way may take to be stored when the process ends.
FINISH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that is open; nothing in here belongs to one request or one workspace.

    ``http`` posts to addresses that customers name.
    """

    settings: Settings
    database: Database
    queue: Queue
    limiter: RateLimiter
    mailer: Mailer
    supabase: Supabase | None
    stripe: StripeAccount | None
    knowledge: KnowledgeTools
    catalogue: Catalogue
    answerers: Answerers
    background: Background
    live: Live
    courier: Courier
    http: SafeHttp
    answers_under_way: dict[UUID, Stop] = field(default_factory=dict)

    def plan_of(self, workspace: HasPlan) -> Plan:
        """What counts for a workspace."""
        return plan_in_force(workspace, is_unlimited=self.settings.is_unlimited)

    def most_members(self, workspace: HasPlan) -> int | None:
        """How many of them the plan that counts includes, ``None`` for any number."""
        return most_members(self.settings, workspace)

    def webhook_courier(self) -> WebhookCourier:
        """Tells customers' endpoints of events."""
        keys = self.settings.keys_for_encryption()
        return WebhookCourier(
            database=self.database,
            live=self.live,
            queue=self.queue,
            http=self.http,
            keys=keys,
            plan_of=self.plan_of,
        )

    def default_model(self) -> Model:
        """The model of a chat that names none."""
        return self.catalogue.default(self.answerers.configured)

    def chat_desk(self, workspace: WorkspaceView) -> ChatDesk:
        """Answers the members of ``workspace``."""
        embedder = self.knowledge.embedders.of(workspace.embedding_model)
        return ChatDesk(
            database=self.database,
            pipeline=Pipeline(self.knowledge.index, embedder, self.answerers),
            answerers=self.answerers,
            background=self.background,
            plan=self.plan_of(workspace),
            longest=self.settings.total_timeout,
            under_way=self.answers_under_way,
        )

    def stop_answer(self, message_id: UUID) -> None:
        """End the answer at once if this process writes it; another one sees it in the database."""
        if (stop := self.answers_under_way.get(message_id)) is not None:
            stop.set()

    def need_stripe(self) -> StripeAccount:
        """``Unavailable`` where no payments are taken."""
        if self.stripe is None:
            raise Unavailable("Payments are not set up here: STRIPE_SECRET_KEY is not set.")
        return self.stripe

    def effects_of_stripe(self) -> Effects:
        return Effects(self.database, self.need_stripe(), self.plan_of)

    def cashier(self, caller: StaffCaller) -> Cashier:
        """Serves the caller's workspace; ``Unavailable`` where no payments are taken."""
        back = f"{self.settings.link_origin}/app/billing"
        return Cashier(self.database, self.need_stripe(), self.plan_of, caller, back)


_open: list[Resources] = []


def current_resources() -> Resources:
    """The resources of this process; ``Unavailable`` before its start and after its end."""
    if not _open:
        raise Unavailable("HelpNinja is starting or stopping. Please try again in a moment.")
    return _open[-1]


@asynccontextmanager
async def open_resources(
    settings: Settings,
    database_url: str,
    *,
    tasks: procrastinate.Blueprint | None = None,
    embedder: Embedder | None = None,
    answerers: Answerers | None = None,
    mailer: Mailer | None = None,
    send: Send = send_packet,
) -> AsyncIterator[Resources]:
    """Open the database, the queue and all else that a process needs; close it in the opposite order.

    ``embedder``, ``answerers`` and ``mailer`` stand in for the configured ones, ``send`` for the channels.
    """
    async with AsyncExitStack() as stack:
        database = Database(database_url)
        stack.push_async_callback(database.close)
        queue = Queue(database_url, tasks=tasks)
        await queue.open()
        stack.push_async_callback(queue.close)
        embedders = Embedders(embedder) if embedder else make_embedders(settings)
        stack.push_async_callback(embedders.aclose)
        http = await stack.enter_async_context(
            SafeHttp(user_agent=USER_AGENT, allowed_private_hosts=settings.fetchable_private_hosts)
        )
        # In development the crawler may read our own demo; nobody posts there.
        webhooks = await stack.enter_async_context(
            SafeHttp(user_agent=WEBHOOK_AGENT, allowed_private_hosts=settings.allowed_private_hosts)
        )
        extractor, cutter = Extractor(), Extractor()
        for each in (extractor, cutter):
            stack.push_async_callback(each.aclose)
        catalogue = Catalogue.of(settings)
        answerers = answerers or make_answerers(settings, catalogue)
        stack.push_async_callback(answerers.aclose)
        supabase = make_supabase(settings, embedders.current.name)
        if supabase is not None:
            stack.push_async_callback(supabase.aclose)
        stripe = make_stripe(settings)
        if stripe is not None:
            stack.push_async_callback(stripe.gateway.aclose)
        background = Background()
        # Before anything that they use is closed.
        stack.push_async_callback(background.finish, FINISH_SECONDS)
        live = Live(database_url)
        live.open()
        stack.push_async_callback(live.close)
        mailer = mailer or make_mailer(settings)
        files = make_files(settings)
        stack.push_async_callback(files.aclose)
        limiter = RateLimiter(settings.redis_url)
        resources = Resources(
            settings=settings,
            database=database,
            queue=queue,
            limiter=limiter,
            mailer=mailer,
            supabase=supabase,
            stripe=stripe,
            knowledge=KnowledgeTools(
                database=database,
                index=SearchIndex(database, vector_memory=settings.vector_memory_mb * 1_000_000),
                queue=queue,
                files=files,
                embedders=embedders,
                extractor=extractor,
                cutter=cutter,
                fetcher=PageFetcher(http),
            ),
            catalogue=catalogue,
            answerers=answerers,
            background=background,
            live=live,
            courier=Courier(
                database=database,
                live=live,
                http=webhooks,
                mailer=mailer,
                send=send,
                keys=settings.keys_for_encryption(),
                fallbacks=make_fallbacks(settings),
                origin=settings.link_origin,
                signing_key=settings.signing_key(),
                mailbox=settings.reply_address,
                limiter=limiter,
            ),
            http=webhooks,
        )
        _open.append(resources)
        try:
            yield resources
        finally:
            _open.remove(resources)


def make_mailer(settings: Settings) -> Mailer:
    if settings.smtp_url is None:
        return LogMailer()
    return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)


def make_fallbacks(settings: Settings) -> Fallbacks:
    secret = settings.slack_webhook_url
    return Fallbacks(secret.get_secret_value() if secret else "", settings.escalation_email or "")


def make_files(settings: Settings) -> Files:
    """In a folder, or in a bucket of the Supabase project where both its address and its key are set."""
    folder = FolderFiles(settings.data_dir / "files")
    folder.prepare()
    if settings.supabase_url is None or settings.supabase_service_role_key is None:
        return folder
    key = settings.supabase_service_role_key.get_secret_value()
    return SupabaseFiles(folder, settings.supabase_url, key)


def make_supabase(settings: Settings, embedding_model: str) -> Supabase | None:
    if settings.supabase_url is None or settings.supabase_anon_key is None:
        return None
    secret = settings.supabase_jwt_secret
    return Supabase(
        settings.supabase_url,
        settings.supabase_anon_key.get_secret_value(),
        secret=secret.get_secret_value() if secret else None,
        signing_key=settings.signing_key(),
        admission=Admission(settings.sign_up, embedding_model, partial(most_members, settings)),
    )


def make_stripe(settings: Settings) -> StripeAccount | None:
    if settings.stripe_secret_key is None:
        return None
    return StripeAccount(
        StripeGateway(settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base),
        Prices(
            plans={
                id: PlanPrice(cast("PaidPlanName", plan), cast("Interval", interval))
                for (plan, interval), id in settings.plan_prices.items()
            },
            packs={id: PACKS[credits] for credits, id in settings.pack_prices.items()},
        ),
        settings.webhook_secrets,
    )


def make_embedders(settings: Settings) -> Embedders:
    """The configured embedder first; the local one stays, for workspaces whose vectors it made."""
    local = RememberingEmbedder(MiniLMEmbedder())
    if settings.embedder == "minilm" or settings.openai_api_key is None:
        return Embedders(local)
    remote = RememberingEmbedder(
        OpenAIEmbedder(api_key=settings.openai_api_key.get_secret_value(), base_url=settings.openai_base_url)
    )
    return Embedders(remote, local)


def make_answerers(settings: Settings, catalogue: Catalogue) -> Answerers:
    """``SettingsRefused`` where the visitors' model is one that nobody knows."""
    known = {model.id for model in catalogue.models}
    if settings.answer_model and settings.answer_model not in known:
        raise SettingsRefused((f"HELPNINJA_ANSWER_MODEL is {settings.answer_model}, which is no model.",))
    return Answerers(
        servers=settings.model_servers,
        catalogue=catalogue,
        openai=ProviderKey(settings.openai_api_key.get_secret_value(), settings.openai_base_url)
        if settings.openai_api_key
        else None,
        anthropic=ProviderKey(settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url)
        if settings.anthropic_api_key
        else None,
        model=settings.answer_model,
        timeouts=Timeouts(
            first_byte=settings.first_byte_timeout,
            idle=settings.idle_timeout,
            total=settings.total_timeout,
        ),
    )


def most_members(settings: Settings, workspace: HasPlan) -> int | None:
    """How many members the plan that counts includes."""
    return plan_in_force(workspace, is_unlimited=settings.is_unlimited).members


def knowledge_limits(settings: Settings, workspace: HasPlan) -> KnowledgeLimits:
    """What the plan that counts allows the workspace's knowledge."""
    counted = plan_in_force(workspace, is_unlimited=settings.is_unlimited)
    return KnowledgeLimits(
        plan=counted.name,
        sites=counted.sites,
        documents=counted.documents,
        pages_per_crawl=counted.pages_per_crawl,
        upload_bytes=counted.upload_bytes,
        # Where nothing counts that was agreed, nothing more can be.
        without_larger="" if settings.is_unlimited else without_larger(counted.name),
    )
