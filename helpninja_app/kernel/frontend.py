"""Builds the pages' front end, once, and again only when what it is made of changed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from helpninja_app.errors import Unavailable

PROJECT = Path(__file__).parents[2]

_SOURCES = (
    "rxconfig.py",
    "requirements.txt",
    "assets",
    "reflex.lock",
    "helpninja_app/helpninja_app.py",
    "helpninja_app/kernel/any_origin.py",
    "helpninja_app/screens",
    "helpninja_app/ui",
)
_SHOWN_LINES = 40
_SAY_EVERY_SECONDS = 10


class FrontEnd:
    """The built pages of the project in ``project``, below its ``.web``."""

    def __init__(self, project: Path = PROJECT) -> None:
        self._project = project
        self._web = project / ".web"
        self._build = self._web / "build"
        self._stamp = self._web / "helpninja-build"

    @property
    def pages(self) -> Path:
        """The folder with the built HTML, scripts and styles."""
        return self._build / "client"

    def is_current(self) -> bool:
        """Whether there is a build of exactly these sources."""
        try:
            return (self.pages / "index.html").exists() and self._stamp.read_text() == self._fingerprint()
        except FileNotFoundError:
            return False

    def build_if_needed(self, say: Callable[[str], None]) -> bool:
        """Build unless the build is current; returns whether something was built.

        Only one process builds at a time; another one waits and finds the work done. Raises Unavailable with
        the build's own output when it fails; the previous build then stays.
        """
        self._web.mkdir(exist_ok=True)
        with (self._web / "helpninja.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_current():
                return False
            say("Building the pages (about 30 seconds the first time, 10 after a change)")
            with self._keeping_the_previous():
                self._export(say)
            # The first build on a machine may complete reflex.lock, so the fingerprint is taken afterwards.
            self._stamp.write_text(self._fingerprint())
            return True

    @contextlib.contextmanager
    def _keeping_the_previous(self) -> Iterator[None]:
        """Reflex deletes the old build first; here it comes back unless the new one is complete."""
        previous = self._web / "build.previous"
        if self._build.exists() and not previous.exists():
            self._build.rename(previous)
        try:
            yield
        except BaseException:
            if previous.exists():
                shutil.rmtree(self._build, ignore_errors=True)
                previous.rename(self._build)
            raise
        shutil.rmtree(previous, ignore_errors=True)

    def _export(self, say: Callable[[str], None]) -> None:
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"],
                cwd=self._project,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _wait(process, say)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()
            if process.returncode != 0 or not (self.pages / "index.html").exists():
                output.seek(0)
                lines = output.read().splitlines()[-_SHOWN_LINES:]
                raise Unavailable("The pages could not be built. The build says:\n" + "\n".join(lines))

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for source in _SOURCES:
            path = self._project / source
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(f"{file.relative_to(self._project)}\0{file.stat().st_size}\0".encode())
                    digest.update(file.read_bytes())
        return digest.hexdigest()


def _wait(process: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        try:
            process.wait(_SAY_EVERY_SECONDS)
            return
        except subprocess.TimeoutExpired:
            say(f"  still building ({time.monotonic() - began:.0f} s)")


def _environment() -> dict[str, str]:
    """This process' environment, with the Node.js of our own virtual environment first."""
    programs = Path(sys.executable).parent
    environment = dict(os.environ)
    environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', '')}"
    environment |= {
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        # The lock file then fits every registry; the checksums in it say what is right.
        "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED": "true",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_AUDIT": "false",
    }
    # Told which registry npm uses, Reflex does not go and measure which one is nearest.
    environment.setdefault("NPM_CONFIG_REGISTRY", _npm_registry(programs, environment))
    return environment


def _npm_registry(programs: Path, environment: dict[str, str]) -> str:
    npm = programs / "npm"
    if not npm.exists():
        raise Unavailable(f"npm is not in {programs}. Run 'make setup'.")
    asked = subprocess.run(
        [npm, "config", "get", "registry"], env=environment, capture_output=True, text=True, timeout=60
    )
    return asked.stdout.strip() or "https://registry.npmjs.org/"
