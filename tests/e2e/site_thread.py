"""A scripted website beside a browser test, on a loop of its own: the steps of a browser block ours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.loopback_site import LoopbackSite


@contextmanager
def running_site() -> Iterator[LoopbackSite]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    scripted = LoopbackSite()
    asyncio.run_coroutine_threadsafe(scripted.__aenter__(), loop).result(10)
    yield scripted
    asyncio.run_coroutine_threadsafe(scripted.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
