"""The steps of the tests of the members' chat over real HTTP: asking, what came of it, and what it cost."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx
from llmock.pytest_plugin import LLMock

from tests.e2e.demo_server import DemoServer

MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-5-5"}
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Served:
    """The product, and the provider that answers it."""

    demo: DemoServer
    llmock: LLMock
    client: httpx.Client
    granted: int = 10_000

    def ask(self, provider: str, *, is_sse: bool = False) -> httpx.Response:
        accept = {"accept": "text/event-stream"} if is_sse else {}
        return self.client.post("/api/chat", json=question(provider), headers=accept)

    def asked_nobody(self) -> bool:
        """Whether no provider was asked anything."""
        return self.llmock.requests == []

    def chats(self) -> int:
        total: int = self.client.get("/api/chats", params={"limit": 1}).json()["total"]
        return total

    def credits(self) -> int:
        page = self.client.get("/api/billing/credit-history", params={"limit": 1}).json()["transactions"]
        return int(page[0]["balance_after"]) if page else self.granted

    def latest(self) -> dict[str, Any]:
        """The answer of the chat that was asked in last."""
        chat = self.client.get("/api/chats", params={"limit": 1}).json()["chats"][0]
        answer: dict[str, Any] = self.client.get(f"/api/chats/{chat['id']}").json()["messages"][-1]
        return answer


def question(provider: str) -> dict[str, Any]:
    asked = f"What is a kestrel? {next(_NUMBERS)}"
    return {"modelId": MODELS[provider], "messages": [{"role": "user", "content": asked}]}


def spend(free: Served) -> None:
    """Every credit that there is: by one long question, and by short ones that cost one each."""
    body = {"modelId": MODELS["openai"]}
    long = [{"role": "user", "content": "Why? " * 37_000}] * 2
    assert free.client.post("/api/chat", json={**body, "messages": long}).status_code == 200
    while free.credits() > 0:
        assert free.ask("openai").status_code == 200


def is_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"]) == (status, status), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["error"] == problem["detail"]
    return problem
