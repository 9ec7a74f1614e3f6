"""The ``helpninja`` command."""

from __future__ import annotations

import sys

import typer

from helpninja_app.errors import HelpNinjaError
from helpninja_app.serving import database, to_terminal
from helpninja_app.serving import serve as serve_all
from helpninja_app.settings import SettingsRefused, get_settings
from helpninja_app.version import VERSION

cli = typer.Typer(
    name="helpninja",
    help="A support agent that answers from your own pages, shows its sources and knows when it does "
    "not know.\n\n"
    "Settings are read from the environment and from a file .env; README.md has a table of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.command()
def serve() -> None:
    """Serve pages, API and widget on one port, with everything they need.

    Starts the embedded PostgreSQL unless DATABASE_URL is set, migrates it, builds the pages when their
    sources changed, runs the jobs, and prints "HelpNinja is ready at …" when all of it answers. Ctrl-C stops
    all of it.

    PORT (3000) and HOST (127.0.0.1) say where to listen; HELPNINJA_DATA (.helpninja) where data is kept.
    """
    serve_all(get_settings(), to_terminal)


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this version; harmless when it is there already.

    Needs DATABASE_URL and DATABASE_OWNER_URL for a database of your own; without them the embedded one is
    started, migrated and stopped.
    """
    settings = get_settings()
    settings.refuse_unsafe()
    with database(settings, to_terminal):
        to_terminal("The database is up to date.")


@cli.command()
def version() -> None:
    """Print the version."""
    to_terminal(VERSION)


def main() -> None:
    """Run the command; what goes wrong is one sentence on stderr and exit status 1."""
    try:
        cli()
    except HelpNinjaError as error:
        sys.exit(error.detail)
    except SettingsRefused as refused:
        sys.exit(str(refused))
