"""A conversation goes from the bot to a person and back, over HTTP alone, while the visitor listens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.slow_provider import SlowProvider, running_slow_provider

pytestmark = pytest.mark.timeout(300)

QUESTION = "How long do I have to return a jacket?"


@dataclass
class Panel:
    """A visitor's open panel: what it has heard so far, by a thread of its own."""

    client: httpx.Client
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def listen(self) -> threading.Thread:
        thread = threading.Thread(target=self._listen, daemon=True)
        thread.start()
        return thread

    def _listen(self) -> None:
        name = ""
        # It ends with the visitor's client.
        with (
            suppress(httpx.HTTPError),
            self.client.stream("GET", "/api/widget/events", timeout=60) as response,
        ):
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.heard.append((name, json.loads(line.removeprefix("data: "))))

    def wait_for(self, name: str, **wanted: str) -> None:
        """Return when an event with these fields was heard."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for event, data in list(self.heard):
                if event == name and wanted.items() <= data.items():
                    return
            time.sleep(0.02)
        raise AssertionError(f"No {name} with {wanted} in {self.heard}")


@dataclass(frozen=True)
class Scene:
    """The product with a model of forty words that waits when it is told to, a member and a visitor."""

    demo: DemoServer
    provider: SlowProvider
    member: httpx.Client
    visitor: httpx.Client
    session: str

    def ask(self, message: str) -> dict[str, Any]:
        body = {"tenantId": PUBLIC_KEY, "sessionId": self.session, "message": message}
        response = self.visitor.post("/api/chat", json=body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def do(self, conversation: str, action: str, **body: object) -> dict[str, Any]:
        response = self.member.post(f"/api/conversations/{conversation}/{action}", json=body or None)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def messages(self) -> list[tuple[str, str]]:
        seen = self.visitor.get("/api/widget/conversation").json()["messages"]
        return [(each["role"], each["text"]) for each in seen]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with (
        running_slow_provider(words=40, pause=0.01) as provider,
        running_demo(
            OPENAI_API_KEY="sk-test-0123456789",
            OPENAI_BASE_URL=provider.url,
            HELPNINJA_EMBEDDER="minilm",
            HELPNINJA_ANSWER_MODEL="gpt-4o-mini",
        ) as demo,
        httpx.Client(
            base_url=demo.url, headers={"authorization": f"Bearer {demo.api_key}"}, timeout=30
        ) as member,
        httpx.Client(base_url=demo.url, timeout=120) as visitor,
    ):
        given = visitor.post("/api/widget/session", json={"tenantId": PUBLIC_KEY}).json()
        visitor.headers["authorization"] = f"Bearer {given['token']}"
        yield Scene(demo, provider, member, visitor, given["sessionId"])


def test_a_member_takes_over_in_the_middle_of_an_answer_and_hands_back(scene: Scene) -> None:
    first = scene.ask("Can I talk to a human please?")
    conversation = first["conversationId"]
    assert (first["escalated"], first["reason"]) == (True, "visitor_request")
    waiting = scene.member.get("/api/conversations", params={"status": "waiting"}).json()
    assert [each["id"] for each in waiting["conversations"]] == [conversation]

    panel = Panel(scene.visitor)
    panel.listen()
    panel.wait_for("status", status="waiting")
    answers: list[dict[str, Any]] = []
    scene.provider.waits_for_readers = True
    scene.provider.next_word.release(3)
    asking = threading.Thread(target=lambda: answers.append(scene.ask(QUESTION)))
    asking.start()
    until = time.monotonic() + 30
    while "word2" not in scene.provider.said and time.monotonic() < until:
        time.sleep(0.05)
    assert "word2" in scene.provider.said
    assert scene.do(conversation, "take-over")["status"] == "human"
    panel.wait_for("status", status="human")
    scene.do(conversation, "typing")
    panel.wait_for("typing")
    scene.do(conversation, "reply", text="Sixty days, and I have written it down for you.")
    panel.wait_for("message", role="member", author="Support")
    scene.provider.waits_for_readers = False
    scene.provider.next_word.release()
    asking.join(120)
    assert [(each["answer"], each["handledBy"]) for each in answers] == [("", "human")]
    assert [role for role, _ in scene.messages()] == ["visitor", "bot", "visitor", "member"]

    scene.do(conversation, "note", text="A regular customer.")
    scene.do(conversation, "hand-back")
    panel.wait_for("status", status="bot")
    scene.provider.pieces = ["Sixty days [1]."]
    assert scene.ask(QUESTION)["handledBy"] == "bot"
    scene.do(conversation, "resolve")
    panel.wait_for("status", status="resolved")
    assert "regular" not in json.dumps([data for _, data in panel.heard])
    found = scene.member.get("/api/conversations", params={"q": "written it do"}).json()
    assert [each["status"] for each in found["conversations"]] == ["resolved"]
