"""What must be remembered about the embedded PostgreSQL server between two starts."""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from helpninja_app.errors import Unavailable


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The server's port and passwords; ``home`` is where its data lies when that is not beside this file."""

    port: int
    superuser_password: str
    owner_password: str
    app_password: str
    home: Path | None

    @classmethod
    def new(cls, *, home: Path | None) -> ServerRecord:
        """Random passwords (URL-safe, 192 bits) and a port that is free now."""
        return cls(
            a_free_port(),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            home,
        )

    @classmethod
    def read(cls, path: Path) -> ServerRecord | None:
        """The record in ``path``, None when there is no such file; Unavailable when it is damaged."""
        try:
            stored = json.loads(path.read_text("utf-8"))
            home = stored.pop("home")
            return cls(home=Path(home) if home else None, **stored)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(
                f"{path} with the database's passwords is damaged. Restore it from a backup, "
                f"or move {path.parent} away to start with an empty database."
            ) from error

    def write(self, path: Path) -> None:
        """Replace ``path`` in one step, readable by its owner only."""
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self) | {"home": str(self.home) if self.home else None}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def with_port(self, port: int) -> ServerRecord:
        return replace(self, port=port)


def a_free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
