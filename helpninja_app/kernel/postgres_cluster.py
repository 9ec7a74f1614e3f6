"""One PostgreSQL data directory and the server process that works on it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.postgres_programs import Programs

_LOG_LIMIT = 5_000_000
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    # Containers have 64 MB of /dev/shm: parallel queries and index builds would run out of it.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements hold what visitors wrote; the log must not.
    "log_min_error_statement": "panic",
}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PortTaken(Exception):
    """Another program listens on the port."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster in ``home/cluster`` with its log beside it."""

    home: Path
    programs: Programs

    @property
    def data(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def create(self, superuser_password: str) -> None:
        """Initialise the data directory unless it is there; one that was cut off half-way does not count."""
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            version = version_file.read_text().strip()
            if version != str(self.programs.major):
                raise Unavailable(
                    f"The database in {self.data} was made by PostgreSQL {version}, but these programs are "
                    f"version {self.programs.major}. Set HELPNINJA_PG_BIN to the folder of version {version}."
                )
            return
        unfinished = self.home / "cluster.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        self.programs.own(unfinished)
        with tempfile.NamedTemporaryFile("w", dir=self.home) as password_file:
            password_file.write(superuser_password)
            password_file.flush()
            self.programs.own(Path(password_file.name))
            result = self.programs.run(
                "initdb",
                *("-D", str(unfinished), "-U", "postgres", "-A", "scram-sha-256"),
                *("--encoding=UTF8", "--pwfile", password_file.name),
                *self._locale(),
                timeout=300,
            )
        if result.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise Unavailable(
                sentence_for(result.stderr, self.home)
                or f"PostgreSQL could not create a database in {self.home}: {result.stderr.strip()[-600:]}"
            )
        unfinished.rename(self.data)

    def is_running(self) -> bool:
        """Whether a live server process works on this data directory.

        A ``postmaster.pid`` of a dead or zombie process, or of one that took over its number, is removed,
        because PostgreSQL itself would take some of these for a running server.
        """
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except FileNotFoundError:
            return False
        except (ValueError, IndexError):  # cut off while it was written: its writer is dead
            pid_file.unlink()
            return False
        if self._is_our_server(pid):
            return True
        pid_file.unlink(missing_ok=True)
        return False

    def launch(self, port: int, *, durable: bool, within: float) -> None:
        """Start the server and wait until it takes connections.

        Raises PortTaken, or Unavailable with the server's own reason.
        """
        if not _is_free(port):
            raise PortTaken
        settings = _SETTINGS | {"port": str(port)} | ({} if durable else _THROW_AWAY)
        deadline = time.monotonic() + within
        while True:
            self._open_log()
            said_before = self.log.stat().st_size
            result = self.programs.run(
                *("pg_ctl", "start", "-D", str(self.data), "-l", str(self.log), "-w", "-t", str(int(within))),
                *("-o", " ".join(f"-c {name}='{value}'" for name, value in settings.items())),
                timeout=within + 30,
            )
            if result.returncode == 0:
                return
            with self.log.open(errors="replace") as log:
                log.seek(said_before)
                reason = log.read() + result.stderr
            if "Address already in use" in reason:
                raise PortTaken
            # After a kill -9 the old server's last children need a moment to notice that it is gone.
            if "shared memory block" in reason and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            raise Unavailable(
                sentence_for(reason, self.home)
                or f"PostgreSQL did not start. The end of {self.log} says: {_last_lines(reason)}"
            )

    def shut_down(self) -> None:
        """Disconnect everybody, write everything to disk and end the server."""
        if not self.is_running():
            return
        for mode in ("fast", "immediate"):
            result = self.programs.run(
                *("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w", "-t", "30"), timeout=60
            )
            if result.returncode == 0 or not self.is_running():
                return
        raise Unavailable(f"PostgreSQL in {self.data} does not stop: {result.stderr.strip()}")

    def _locale(self) -> tuple[str, ...]:
        """The same sorting and case rules on every machine."""
        if self.programs.major >= 17:
            return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        return ("--locale=C",)

    def _is_our_server(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            command = process.cmdline()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # somebody else's process, so not our server
            return False
        return bool(command) and str(self.data) in command

    def _open_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.write_bytes(b"")
        self.log.touch(mode=0o600)
        self.programs.own(self.log)


def sentence_for(reason: str, folder: Path) -> str | None:
    """What to do about a failure, when its text shows one that the user can mend; else None."""
    if "No space left on device" in reason or "Disk quota exceeded" in reason:
        return f"The disk that holds {folder} is full. Free some space and start again."
    if "Read-only file system" in reason:
        return f"{folder} lies on a read-only disk. Set HELPNINJA_DATA to a folder that can be written."
    if "Permission denied" in reason or "has wrong ownership" in reason:
        return (
            f"HelpNinja may not write to {folder}. Make its user (id {os.geteuid()}) the owner, "
            "or set HELPNINJA_DATA to another folder."
        )
    if "could not create shared memory" in reason or "Cannot allocate memory" in reason:
        return "PostgreSQL found too little free memory to start. It needs about 200 MB."
    return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _last_lines(text: str) -> str:
    lines = [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return " ".join(lines[-3:]) or text.strip()[-600:]
