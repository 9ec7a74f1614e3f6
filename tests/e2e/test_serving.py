"""The whole product as `make run` starts it: pages in a browser, then a clean stop."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.demo_server import a_free_port, own_environment


@dataclass(frozen=True)
class Installation:
    url: str
    port: int
    data: Path
    process: subprocess.Popen[str]


def serve_command(port: int, data: Path) -> subprocess.Popen[str]:
    environment = own_environment() | {"PORT": str(port), "HELPNINJA_DATA": str(data)}
    environment.pop("MAKELEVEL", None)
    return subprocess.Popen(
        [sys.executable, "-c", "from helpninja_app.cli import main; main()", "serve"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until_ready(process: subprocess.Popen[str]) -> str:
    """The line that says so."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("HelpNinja is ready at"):
            return line
    pytest.fail("".join(said))


def database_of(installation: Installation) -> psutil.Process:
    pid_file = installation.data / "postgres" / "cluster" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


@contextmanager
def installed() -> Iterator[Installation]:
    """A running installation with a folder of its own, which is stopped if that was not done before."""
    with tempfile.TemporaryDirectory() as folder:
        port = a_free_port()
        Path(folder).chmod(0o711)
        process = serve_command(port, Path(folder) / "data")
        assert until_ready(process) == f"HelpNinja is ready at http://127.0.0.1:{port}\n"
        yield Installation(f"http://127.0.0.1:{port}", port, Path(folder) / "data", process)
        if process.poll() is None:
            process.terminate()
        # Also when it has ended already: this closes its pipe.
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as running:
        yield running


@pytest.mark.timeout(300)
def test_the_front_page_leads_to_the_demo_and_the_sign_in(installation: Installation, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with page.expect_websocket(lambda socket: "_event" in socket.url):
        page.goto(installation.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Support that answers from your own pages")
    expect(page.get_by_role("link", name="Try it in the demo shop")).to_have_attribute("href", "/demo")
    page.get_by_role("link", name="Sign in").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert complaints == []


def test_a_wrong_password_is_said_on_the_page(installation: Installation, page: Page) -> None:
    page.goto(f"{installation.url}/sign-in?next=/app")
    page.get_by_label("E-mail address").fill("nobody@helpninja.local")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    assert "/sign-in" in page.url


def test_a_sentence_in_the_address_is_not_shown(installation: Installation, page: Page) -> None:
    page.goto(f"{installation.url}/sign-in?error=Call+this+number")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("Call this number")).to_have_count(0)


def test_an_unknown_address_has_a_page_of_its_own(installation: Installation, page: Page) -> None:
    answer = page.goto(f"{installation.url}/nothing-here")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no page at this address")


def test_a_signal_stops_everything_although_pages_are_open(installation: Installation, page: Page) -> None:
    with page.expect_websocket(lambda socket: "_event" in socket.url):
        page.goto(installation.url)
    database = database_of(installation)
    workers = psutil.Process(installation.process.pid).children(recursive=True)
    installation.process.send_signal(signal.SIGTERM)
    assert installation.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs([database, *workers], timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.timeout(300)
def test_killed_outright_it_starts_again_and_has_lost_nothing() -> None:
    session = secrets.token_hex(8)
    with installed() as installation:
        before = what_is_known(installation, session)
        first, database = psutil.Process(installation.process.pid), database_of(installation)
        for process in (first, *first.children(recursive=True), database, *database.children()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        installation.process.communicate(timeout=30)
        again = serve_command(installation.port, installation.data)
        try:
            until_ready(again)
            assert before[0] > 25
            assert what_is_known(installation, session) == before
        finally:
            again.terminate()
            again.communicate(timeout=60)


def what_is_known(installation: Installation, session: str) -> tuple[int, str]:
    """How many documents there are, and which conversation a session goes on with."""
    key = {"authorization": f"Bearer {(installation.data / 'demo-api-key').read_text().strip()}"}
    found = httpx.get(f"{installation.url}/api/documents?limit=1", headers=key, timeout=30).json()
    message = {"tenantId": "demo", "sessionId": session, "message": "Thanks"}
    reply = httpx.post(f"{installation.url}/api/chat", json=message, timeout=30).json()
    return found["total"], reply["conversationId"]
