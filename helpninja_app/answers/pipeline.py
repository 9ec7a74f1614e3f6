"""From a visitor's message to a grounded, cited and honest answer, streamed as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

import numpy as np
import numpy.typing as npt
import structlog

from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import Model
from helpninja_app.answers.citations import Citation, CitationStream, refs_of, resolve_citations
from helpninja_app.answers.confidence import Confidence, measure_confidence
from helpninja_app.answers.extractive import compose_answer
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.phrases import declined
from helpninja_app.answers.prompt import Sign, SignGate, Voice, build_prompt
from helpninja_app.answers.providers.base import Finished, Provider, TextDelta, TokenUsage
from helpninja_app.answers.providers.base import Turn as ModelTurn
from helpninja_app.answers.small_talk import SmallTalkKind, answer_small_talk, person_asked
from helpninja_app.answers.standalone import StandaloneQuery, Turn, standalone_query
from helpninja_app.answers.support import support_of
from helpninja_app.errors import ProviderFailed
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.curated_matching import PRECISION, CuratedMatch
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.languages import detect_language
from helpninja_app.knowledge.search import SearchIndex, SearchQuery, SearchResult

log = structlog.get_logger(__name__)

OFFLINE = "offline"
# What a curated answer is said to be written by where a model was asked.
CURATED = "curated"
PASSAGES = 5
# A member's chat reads more of them.
MEMBERS_PASSAGES = 8
# Share of the best passage's score that another needs to be quoted beside it.
CLOSE = 0.9

# Below one half, "the passages do not answer this" is the better guess; a wide margin below it nothing
# relevant was found, and quoting a page that misses the question would only look like an answer.
NOTHING_RELEVANT = 0.3
# A model that reads the passages can still tell; a quotation cannot, so it has to be the likelier case that
# they answer.
QUOTABLE = 0.5

# Of a quotation: the share of what was asked, by rarity, that it takes up. With less than a tenth of it, the
# name of a city for instance, a page was met and the question was not.
TAKES_UP = 0.1

Kind = Literal["answer", "small_talk", "declined", "person_asked", "curated"]


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the answer's text, safe to show."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: what is stored and what the visitor ends up with, whatever was streamed before.

    ``cited`` are indexes into the passages that were retrieved, in the order of ``citations``;
    ``provider_failed`` when the configured model could not answer and the offline answerer stood in;
    ``is_taken_back`` when it wrote something else before.
    """

    text: str
    citations: tuple[Citation, ...]
    confidence: float
    kind: Kind
    model: str
    usage: TokenUsage = field(default_factory=lambda: TokenUsage(0, 0))
    provider_failed: bool = False
    is_taken_back: bool = False
    cited: tuple[int, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        return refs_of(self.citations)


@dataclass(frozen=True, slots=True)
class Question:
    """A message with the conversation before it, oldest first."""

    text: str
    history: tuple[Turn, ...] = ()
    voice: Voice = "friendly"
    workspace_name: str = ""
    languages: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """What is spoken where nothing else tells."""
        return self.languages[0] if self.languages else "en"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for a question, and how sure an answer from it is; ``curated`` wins."""

    passages: tuple[Passage, ...]
    confidence: Confidence
    query: SearchQuery
    result: SearchResult
    curated: CuratedMatch | None = None


class Pipeline:
    """Answers questions from one embedder's view of the knowledge with one configured model."""

    def __init__(self, index: SearchIndex, embedder: Embedder, answerers: Answerers) -> None:
        self._index = index
        self._embedder = embedder
        self._answerers = answerers

    @property
    def is_offline(self) -> bool:
        """Whether no model is configured, so that answers are quotations."""
        return self._answerers.provider is None

    async def answer(self, scope: Scope, question: Question) -> AsyncGenerator[Token | Answer, None]:
        """Yield ``Token`` any number of times, then exactly one ``Answer``.

        A provider's failure is no error here: the offline answerer takes its place, and the ``Answer`` says
        so and replaces the tokens.
        """
        talk = await asyncio.to_thread(answer_small_talk, question.text, language=question.language)
        if talk is not None:
            yield Token(talk.text)
            kind: Kind = "person_asked" if talk.kind is SmallTalkKind.PERSON else "small_talk"
            yield Answer(talk.text, (), 1.0, kind, OFFLINE)
            return
        retrieved = await self.retrieve(scope, question)
        if retrieved.curated is not None:
            answer = say_curated(retrieved.curated)
            for piece in pieces(answer.text):
                yield Token(piece)
            yield answer
            return
        if not retrieved.passages or retrieved.confidence.probability < NOTHING_RELEVANT:
            answer = self._decline(question, retrieved.confidence, OFFLINE)
            yield Token(answer.text)
            yield replace(answer, provider_failed=retrieved.query.is_degraded)
            return
        provider = self._answerers.provider
        if retrieved.query.is_degraded:
            yield replace(await self.quote(question, retrieved), provider_failed=True)
            return
        if provider is None:
            answer = await self.quote(question, retrieved)
            for piece in pieces(answer.text):
                yield Token(piece)
            yield answer
            return
        try:
            async with aclosing(self._generate(provider, question, retrieved)) as events:
                async for event in events:
                    yield event
        except ProviderFailed as error:
            log.warning("provider_failed", model=self._answerers.model.id, detail=error.detail)
            yield replace(await self.quote(question, retrieved), provider_failed=True)

    async def retrieve(
        self,
        scope: Scope,
        question: Question,
        *,
        passages: int = PASSAGES,
        only: Collection[UUID] | None = None,
        with_curated: bool = True,
    ) -> Retrieved:
        """Search for a question in the light of its conversation, and say how answerable it is.

        ``only`` are the documents to look in, all of them without it. ``with_curated`` looks for a curated
        answer as well, which visitors get.
        """
        standalone = standalone_query(question.text, question.history)
        understanding = asyncio.ensure_future(self._understand(standalone))
        try:
            found = await self._index.search(
                scope,
                standalone.texts,
                understanding,
                self._embedder.name,
                passages=passages,
                only=only,
            )
            query = await understanding
            curated = None
            if with_curated:
                curated = await self._index.match_curated(
                    scope, standalone.question, query.question, self._embedder.name
                )
        finally:
            understanding.cancel()
        confidence = measure_confidence(
            [document.best for document in found.documents], familiarity=query.familiarity
        )
        return Retrieved(
            passages=tuple(
                Passage(item.title, item.text, item.url, " > ".join(item.heading_path), item.score)
                for item in found.passages
            ),
            confidence=confidence,
            query=query,
            result=found,
            curated=curated,
        )

    async def _understand(self, standalone: StandaloneQuery) -> SearchQuery:
        """Embed a question and its earlier turns; by words alone when the embedder cannot be reached."""
        try:
            vectors = await asyncio.gather(*(self._embedder.embed_query(text) for text in standalone.texts))
        except ProviderFailed as error:
            # Words alone still find most pages: a visitor should not have to wait for an embedding provider.
            log.warning("embedding_failed", model=self._embedder.name, detail=error.detail)
            nothing = np.zeros(self._embedder.dimension, dtype=np.float32)
            weights = standalone.weigh([nothing for _ in standalone.texts]).weights
            return SearchQuery(nothing, weights, familiarity=0.0, is_degraded=True)
        weighed = standalone.weigh(vectors)
        return SearchQuery(
            weighed.vector,
            weighed.weights,
            self._embedder.coverage(standalone.question),
            question=vectors[0],
        )

    async def _generate(
        self, provider: Provider, question: Question, retrieved: Retrieved
    ) -> AsyncGenerator[Token | Answer, None]:
        model = self._answerers.model
        prompt = build_prompt(
            question.text,
            _model_turns(question.history),
            retrieved.passages,
            voice=question.voice,
            workspace_name=question.workspace_name,
            locale=question.languages[0] if question.languages else None,
        )
        gate, stream = SignGate(), CitationStream(retrieved.passages)
        finished: Finished | None = None
        async with aclosing(provider.stream(prompt.request(model))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    if shown := stream.feed(gate.feed(event.text)):
                        yield Token(shown)
                elif isinstance(event, Finished):
                    finished = event
        if rest := stream.feed(gate.finish()) + stream.finish():
            yield Token(rest)
        if finished is None:
            raise ProviderFailed()
        yield self._judge(question, retrieved, stream, gate.sign, finished, model)

    def _judge(
        self,
        question: Question,
        retrieved: Retrieved,
        stream: CitationStream,
        sign: Sign | None,
        finished: Finished,
        model: Model,
    ) -> Answer:
        text = stream.text.strip()
        if sign is Sign.PERSON:
            talk = person_asked(_language_of(question))
            return Answer(
                talk.text, (), 1.0, "person_asked", model.id, usage=finished.usage, is_taken_back=bool(text)
            )
        if sign is Sign.UNKNOWN or finished.reason == "refusal" or not text:
            answer = self._decline(question, retrieved.confidence, model.id)
            return replace(answer, usage=finished.usage, is_taken_back=bool(sign and text))
        cited = [retrieved.passages[index].text for index in stream.cited]
        confidence = retrieved.confidence.given_support(support_of(text, cited))
        return Answer(
            text,
            stream.citations,
            confidence.probability,
            "answer",
            model.id,
            usage=finished.usage,
            cited=stream.cited,
        )

    async def quote(self, question: Question, retrieved: Retrieved) -> Answer:
        """The offline answer: sentences of the passages, or a refusal where they likely do not answer."""
        if retrieved.confidence.probability < QUOTABLE:
            return self._decline(question, retrieved.confidence, OFFLINE)
        best = max((item.score for item in retrieved.result.passages), default=0.0)
        # What is clearly behind the best passage is about something else as a rule; a model can tell, quoting
        # cannot.
        places = [place for place, item in enumerate(retrieved.result.passages) if item.score >= CLOSE * best]
        close = [retrieved.passages[place] for place in places]
        try:
            composed = await compose_answer(
                question.text,
                close,
                embed=self._embed_sentences,
                query_vector=retrieved.query.vector,
                familiarity=retrieved.query.familiarity,
            )
        except ProviderFailed:
            composed = await compose_answer(question.text, close)
        if composed is None or composed.support < TAKES_UP:
            return self._decline(question, retrieved.confidence, OFFLINE)
        resolved = resolve_citations(composed.text, close)
        return Answer(
            resolved.text,
            resolved.citations,
            retrieved.confidence.probability,
            "answer",
            OFFLINE,
            cited=tuple(places[index] for index in resolved.cited),
        )

    async def _embed_sentences(self, sentences: Sequence[str]) -> npt.NDArray[np.float32]:
        # By the queries' thread: a visitor waits for these, and must not queue behind a crawl.
        return np.stack([await self._embedder.embed_query(sentence) for sentence in sentences])

    @staticmethod
    def _decline(question: Question, confidence: Confidence, model: str) -> Answer:
        return Answer(
            declined(_language_of(question)),
            (),
            min(confidence.probability, NOTHING_RELEVANT),
            "declined",
            model,
        )


def _language_of(question: Question) -> str:
    return detect_language(question.text, expected=question.languages).code


def say_curated(match: CuratedMatch) -> Answer:
    """A person's own words, made safe like any other answer; its links are those that it has itself."""
    safe = resolve_citations(match.answer, [Passage(match.question, match.answer, None)])
    return Answer(safe.text, safe.citations, PRECISION, "curated", OFFLINE)


def pieces(text: str) -> list[str]:
    """A finished text in the pieces that it is streamed in: words with the blanks before them."""
    found: list[str] = []
    start = 0
    for position in range(1, len(text)):
        if text[position].isspace() and not text[position - 1].isspace() and position - start >= 24:
            found.append(text[start:position])
            start = position
    return [*found, text[start:]] if text else []


def _model_turns(history: Sequence[Turn]) -> tuple[ModelTurn, ...]:
    return tuple(
        ModelTurn("user" if turn.role == "user" else "assistant", turn.text)
        for turn in history
        if turn.text.strip()
    )
