"""Brings a database to the schema this version needs; one process at a time, however many start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.database import sqlalchemy_url

_LOCK = 0x4865_6C70_4E69_6E6A  # "HelpNinj"
_INI = Path(__file__).parents[2] / "alembic.ini"


def upgrade(owner_url: str, *, app_role: str = "hn_app") -> list[str]:
    """Run what is missing, as the owner of the tables; returns the revisions that were run, oldest first.

    ``app_role`` is who is granted what the run-time role needs. Each migration is a transaction of its own.
    Raises Unavailable when the database cannot be reached or is newer than this version of HelpNinja.
    """
    config = _config()
    engine = create_engine(sqlalchemy_url(owner_url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            # Held by the session, not a transaction: migrations commit on their way.
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            missing = _missing(config, connection)
            if missing:
                config.attributes |= {"connection": connection, "app_role": app_role}
                command.upgrade(config, "head")
                connection.commit()
            return missing
    except OperationalError as error:
        where = make_url(owner_url).render_as_string(hide_password=True)
        raise Unavailable(f"The database at {where} cannot be reached: {error.orig}") from error


def newest_revision() -> str | None:
    """The revision that this version of HelpNinja needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    return Config(_INI)


def _missing(config: Config, connection: Connection) -> list[str]:
    scripts = ScriptDirectory.from_config(config)
    present = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    revisions = [script.revision for script in scripts.walk_revisions()]
    if present is None:
        return revisions[::-1]
    if present not in revisions:
        raise Unavailable(
            f"The database has revision {present}, which this version of HelpNinja does not know. "
            "It was used by a newer version: update HelpNinja, or restore a backup."
        )
    return revisions[: revisions.index(present)][::-1]
