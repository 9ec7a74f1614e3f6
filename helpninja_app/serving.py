"""Starts everything that one process of HelpNinja needs, serves it on one port, and stops it again."""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import psycopg
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.draining import STOP_SIGNAL
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from helpninja_app.kernel.frontend import PROJECT, FrontEnd
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.settings import Settings, SettingsRefused

_READY_WITHIN = 300.0
_STOP_WITHIN = 8
_MOST_FILES = 65_536
_LOOK_EVERY = 2.0

Say = Callable[[str], None]


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived."""


def serve(settings: Settings, say: Say) -> None:
    """Start the database, migrate, build the pages where needed and serve until SIGINT or SIGTERM.

    Prints ``HelpNinja is ready at …`` when every part answers. Raises SettingsRefused or Unavailable with a
    sentence; nothing is touched when the settings are unsafe or the port is taken.
    """
    settings.refuse_unsafe()
    _refuse_taken_port(settings.host, settings.port)
    with _interruptible(), contextlib.suppress(Interrupted), database(settings, say) as prepared:
        FrontEnd().build_if_needed(say)
        _serve_pages_and_api(prepared, say)


@contextlib.contextmanager
def database(settings: Settings, say: Say) -> Iterator[Settings]:
    """A migrated database: the configured one, or the embedded server, which runs while the block does.

    Gives the settings with both database addresses filled in. Raises SettingsRefused for unsafe ones.
    """
    settings.refuse_unsafe()
    if settings.database_url and settings.database_owner_url:
        _refuse_powerful_role(settings.database_url)
        _migrate(settings, say)
        yield settings
        return
    embedded = EmbeddedPostgres(settings.data_dir / "postgres", settings.pg_bin)
    say(f"Starting PostgreSQL in {settings.data_dir / 'postgres'}")
    try:
        urls = embedded.start()
        if embedded.outcome == "attached":
            say("  it was running already")
        prepared = settings.model_copy(update={"database_url": urls.app, "database_owner_url": urls.owner})
        _migrate(prepared, say)
        with _kept_alive(embedded, say):
            yield prepared
    finally:
        embedded.stop()


@contextlib.contextmanager
def _kept_alive(embedded: EmbeddedPostgres, say: Say) -> Iterator[None]:
    """Look after the database while the block runs: killed, by a full memory for instance, it comes back."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY):
            try:
                if embedded.revive():
                    say("PostgreSQL had died and was started again")
            except Unavailable as error:
                say(f"PostgreSQL has died: {error.detail}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _refuse_powerful_role(url: str) -> None:
    """Row-level security binds neither superusers nor, unless it is forced, the owners of tables."""
    query = (
        "select current_user, rolsuper or rolbypassrls, exists (select from pg_tables"
        " where schemaname = 'public' and tableowner = current_user)"
        " from pg_roles where rolname = current_user"
    )
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"The database of DATABASE_URL cannot be reached: {error}") from error
    if row is not None and (row[1] or row[2]):
        role = "is a superuser or bypasses row-level security" if row[1] else "owns tables"
        raise SettingsRefused(
            (f"DATABASE_URL connects as {row[0]}, which {role}: the app needs a role that does neither.",)
        )


def _migrate(settings: Settings, say: Say) -> None:
    if settings.database_owner_url is None:
        raise Unavailable("DATABASE_OWNER_URL is missing: migrations run as the owner of the tables.")
    role = (
        settings.database_url.split("://", 1)[-1].split("@")[0].split(":")[0] if settings.database_url else ""
    )
    for revision in upgrade(settings.database_owner_url, app_role=role or "hn_app"):
        say(f"Migrated the database to revision {revision}")


def _serve_pages_and_api(settings: Settings, say: Say) -> None:
    # Workers are new processes, which read their settings from the environment.
    os.environ |= {
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_OWNER_URL": settings.database_owner_url or "",
        "HELPNINJA_DATA": str(settings.data_dir.absolute()),
        "REFLEX_ENV_MODE": "prod",
        "__REFLEX_SKIP_COMPILE": "true",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    }
    # Not forked: a forked worker would share the file lock that counts who uses the database.
    multiprocessing.set_start_method("spawn", force=True)
    os.chdir(PROJECT)  # where Reflex looks for rxconfig.py and the build
    server = MPServer(
        "helpninja_app.helpninja_app:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        workers_kill_timeout=_STOP_WITHIN,
        backpressure=_most_connections(),
        log_level=LogLevels.warning,
    )
    say("Starting the web server")
    stopped = threading.Event()
    for watch in (_announce_when_ready, _stop_with_make):
        threading.Thread(target=watch, args=(settings, say, stopped), daemon=True).start()
    was_told_to_stop = _end_open_streams_first(server)
    try:
        server.serve()
    except SystemExit as error:
        if error.code and not was_told_to_stop.is_set():
            raise Unavailable("The web server ended by itself; the lines above say why.") from error
    finally:
        stopped.set()
        say("Stopping")


def _most_connections() -> int:
    """How many connections may be open at once: half of the files this process may open.

    The server's own default is 1,024, which one machine that opens connections and sends nothing can use up.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted // 2


def _end_open_streams_first(server: MPServer) -> threading.Event:
    """Make SIGINT and SIGTERM end the workers' open streams before the server waits for them.

    Returns an event that is set when one of these signals arrived.
    """
    told = threading.Event()

    @server.on_startup
    def take_signals() -> None:  # the server has put its own handlers in place just before
        def stop(number: int, frame: FrameType | None) -> None:
            told.set()
            for worker in multiprocessing.active_children():
                if worker.pid is not None:
                    os.kill(worker.pid, STOP_SIGNAL)
            interrupt(number, frame)

        interrupt: Callable[[int, FrameType | None], None] = server.signal_handler_interrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)

    return told


def _announce_when_ready(settings: Settings, say: Say, stopped: threading.Event) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    waited_since = time.monotonic()
    host = _address_to_ask(settings.host)
    while not stopped.wait(0.4):
        if _is_ready(host, settings.port):
            say(f"HelpNinja is ready at http://127.0.0.1:{settings.port}")
            return
        if time.monotonic() - waited_since > 10:
            waited_since = time.monotonic()
            say("  still getting ready")
        if time.monotonic() > deadline:
            say(
                f"HelpNinja is not ready after {_READY_WITHIN:.0f} s; /api/health/ready says what is missing."
            )
            return


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/api/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address_to_ask(host: str) -> str:
    """Where a server that listens on ``host`` can be reached from this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def _stop_with_make(_settings: Settings, say: Say, stopped: threading.Event) -> None:
    """A killed ``make run`` must not leave us behind on the port."""
    if "MAKELEVEL" not in os.environ:
        return
    parent = os.getppid()
    while not stopped.wait(0.5):
        if os.getppid() != parent:
            say("make is gone")
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise Unavailable(
                f"This user may not listen on port {port}. Take one above 1023: set PORT."
            ) from None
        except OSError as error:
            raise Unavailable(
                f"Port {port} is taken by another program, perhaps by a HelpNinja that still runs. "
                f"Stop that one, or choose another port: PORT={port + 1} make run"
                if error.errno == errno.EADDRINUSE
                else f"HelpNinja cannot listen on {host}:{port}: {error.strerror or error}."
            ) from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the block; the following ones do not disturb the stopping."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def to_terminal(line: str) -> None:
    """Print a line at once, also when the output is a file or a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
