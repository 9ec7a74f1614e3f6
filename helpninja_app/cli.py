"""The ``helpninja`` command."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from helpninja_app import billing_commands, commands, model_commands, secret_commands
from helpninja_app.errors import HelpNinjaError
from helpninja_app.serving import database, to_terminal
from helpninja_app.serving import serve as serve_all
from helpninja_app.settings import SettingsRefused, get_settings
from helpninja_app.version import VERSION

cli = typer.Typer(
    name="helpninja",
    help="A support agent that answers from your own pages, shows its sources and knows when it does not"
    " know.\n\n"
    "Settings are read from the environment and from a file .env; README.md has a table of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

cli.add_typer(billing_commands.ledger, name="ledger")
cli.add_typer(billing_commands.webhooks, name="webhooks")
cli.command("limits")(billing_commands.limits_command)
cli.add_typer(model_commands.models, name="models")
cli.add_typer(secret_commands.secrets, name="secrets")

WorkspaceOption = Annotated[
    str, typer.Option("--workspace", "-w", help="The workspace's slug, public key or id.", show_default=True)
]


@cli.command()
def serve() -> None:
    """Serve pages, API and widget on one port, with everything they need.

    Starts the embedded PostgreSQL unless DATABASE_URL is set, migrates it, builds the pages when their
    sources changed, runs the jobs, and prints "HelpNinja is ready at …" when all of it answers. Ctrl-C stops
    it.

    PORT (3000) and HELPNINJA_HOST (127.0.0.1) say where to listen, HELPNINJA_DATA (.helpninja) where data is
    kept.
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
def worker() -> None:
    """Run background jobs without serving: for a second machine, or beside a server with HELPNINJA_WORKERS=0.

    Jobs are ingests and the processing of uploads. Ctrl-C stops it; a job under way goes on at the next
    start.
    """
    settings = get_settings()
    settings.refuse_unsafe()
    with database(settings, to_terminal) as prepared:
        asyncio.run(commands.work(prepared, to_terminal))


@cli.command()
def ingest(
    address: Annotated[str, typer.Argument(help="A page, a sitemap or an index of sitemaps (also .gz).")],
    workspace: WorkspaceOption = "demo",
    links: Annotated[
        bool | None,
        typer.Option("--links/--no-links", help="Read the pages that a page links to as well, or it alone."),
    ] = None,
) -> None:
    """Read a page or a whole sitemap into a workspace, and follow it to its end.

    Pages that did not change are not read into the index again. Each page that fails says why. Addresses on
    private networks have to be listed in HELPNINJA_ALLOWED_PRIVATE_HOSTS.
    """
    with database(get_settings(), to_terminal) as prepared:
        found = asyncio.run(commands.ingest(prepared, workspace, address, to_terminal, follows_links=links))
    to_terminal(f"{found} documents of this address are searchable.")


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help="What a visitor would ask.")],
    workspace: WorkspaceOption = "demo",
) -> None:
    """Answer a question as the widget would, with its sources and its confidence. Nothing is stored."""
    with database(get_settings(), lambda _: None) as prepared:
        asyncio.run(commands.ask(prepared, workspace, question, to_terminal))


@cli.command()
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="A folder with corpus.jsonl and queries.jsonl, or a CSV file with the columns question,url.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a JSON line for each question to this file.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", "-w", help="The workspace a CSV file's questions are about.")
    ] = None,
) -> None:
    """Measure search and confidence on labelled questions.

    A folder is loaded into a throw-away workspace: corpus.jsonl has rows {id, title, text}, queries.jsonl
    rows {id, text, history, relevant, answerable}. A CSV file of your own questions, each with the address
    of the page that answers it (empty: nothing does), is asked in one of your workspaces.

    Rows of --out are {"id", "ranked": [{"id", "score"}], "confidence", "answerable", "ms"}.
    """
    with database(get_settings(), lambda _: None) as prepared:
        asyncio.run(commands.evaluate(prepared, path, workspace, out, to_terminal))


@cli.command("fit-confidence")
def fit_confidence(
    folders: Annotated[
        list[Path], typer.Argument(exists=True, file_okay=False, help="Labelled sets, as for evaluate.")
    ],
    out_of_scope: Annotated[
        Path | None,
        typer.Option(
            "--out-of-scope",
            exists=True,
            help="JSON lines {text} of requests that no document answers; asked of every set.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; default: the model that the product uses.")
    ] = None,
) -> None:
    """Fit the confidence model on labelled sets, by the product's own search.

    The figures printed are of questions held out: each group is judged by a model fitted without it.
    """
    with database(get_settings(), lambda _: None) as prepared:
        asyncio.run(commands.fit_confidence(prepared, folders, out_of_scope, out, to_terminal))


@cli.command("remove-two-factor")
def remove_two_factor(
    email: Annotated[str, typer.Argument(help="The address that they sign in with.")],
) -> None:
    """Switch two-factor sign-in off for somebody who lost both their phone and their recovery codes.

    Make sure that it is them who asks: afterwards their password alone signs in. They are told by mail.
    """
    with database(get_settings(), lambda _: None) as prepared:
        asyncio.run(commands.remove_two_factor(prepared, email, to_terminal))


@cli.command()
def demo() -> None:
    """Make the demo workspace, say how to sign in to it, and read its help centre again.

    For development only. The help centre is served by HelpNinja itself, so `helpninja serve` has to run on
    the same PORT; otherwise it is read at the next start.
    """
    with database(get_settings(), to_terminal) as prepared:
        asyncio.run(commands.prepare_demo(prepared, to_terminal))


@cli.command()
def link_supabase_user(
    email: Annotated[str, typer.Argument(help="The address of an account that is kept here.")],
    subject: Annotated[
        str, typer.Argument(help="The id of the user in Supabase, as its dashboard shows it.")
    ],
) -> None:
    """Let somebody who has an account here go on with it when they sign in with Supabase.

    It does not happen by itself: an address alone does not show that both are the same person.
    """
    with database(get_settings(), to_terminal) as prepared:
        asyncio.run(commands.link_supabase_user(prepared, email, subject, to_terminal))


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
