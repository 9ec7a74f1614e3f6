"""What the ``helpninja`` command does for models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import typer

from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import Catalogue, Model
from helpninja_app.errors import ProviderFailed
from helpninja_app.resources import make_answerers
from helpninja_app.serving import to_terminal
from helpninja_app.settings import Settings, get_settings

models = typer.Typer(help="The models that answer.", no_args_is_help=True)

Say = Callable[[str], None]
# The ids that a provider serves, or the sentence that says why it cannot be asked.
Served = frozenset[str] | str


# So that `check` stays a command of its own name, which typer makes the group's only one otherwise.
@models.callback()
def _models() -> None:
    pass


@models.command("check")
def check_command() -> None:
    """Ask each configured provider and server for the models it serves, and compare them with the catalogue.

    The exit status is 1 when one cannot be reached, or does not serve the model that answers visitors or the
    one of chats that name none.
    """
    if not asyncio.run(check_models(get_settings(), to_terminal)):
        raise typer.Exit(1)


async def check_models(settings: Settings, say: Say) -> bool:
    """Say how each model stands; whether all providers and the two models that are needed are there."""
    catalogue = Catalogue.of(settings)
    answerers = make_answerers(settings, catalogue)
    today = datetime.now(UTC).date()
    try:
        served = await _ask_all(answerers, catalogue)
    finally:
        await answerers.aclose()
    for line in _report(catalogue, served, today):
        say(line)
    needed = {
        "answers visitors": answerers.model,
        "answers chats that name no model": catalogue.default(answerers.configured, today),
    }
    missing = [
        f"{model.id} {what} and is not served."
        for what, model in needed.items()
        if not model.is_offline and not _is_served(model, served.get(model.provider, ""))
    ]
    for sentence in missing:
        say(sentence)
    return not missing and not any(isinstance(each, str) for each in served.values())


async def _ask_all(answerers: Answerers, catalogue: Catalogue) -> dict[str, Served]:
    async def ask(model: Model) -> Served:
        try:
            return await answerers.provider_of(model).served_models()
        except ProviderFailed as error:
            return error.detail

    first = {
        model.provider: model
        for model in reversed(catalogue.models)
        if model.provider in answerers.configured
    }
    answers = await asyncio.gather(*map(ask, first.values()))
    return dict(zip(first, answers, strict=True))


def _report(catalogue: Catalogue, served: dict[str, Served], today: date) -> Iterator[str]:
    by_provider: dict[str, list[Model]] = {}
    for model in catalogue.models:
        by_provider.setdefault(model.provider, []).append(model)
    for provider, known in by_provider.items():
        answer = served.get(provider)
        if known[0].is_offline:
            yield f"{provider}: needs no provider."
        elif answer is None:
            yield f"{provider}: {known[0].setting} is not set."
        elif isinstance(answer, str):
            yield f"{provider}: cannot be asked. {answer}"
        else:
            others = len(answer - {name for model in known for name in _names(model)})
            yield f"{provider}: serves {len(answer)} models, {others} of them not in the catalogue."
            for model in known:
                yield f"  {model.id:<32}  {_standing(model, answer, today)}"


def _standing(model: Model, answer: Served, today: date) -> str:
    is_served = _is_served(model, answer)
    if model.is_retired(today):
        return f"retired since {model.end_of_life}{', but still served' if is_served else ''}"
    return "served" if is_served else "not served"


def _is_served(model: Model, answer: Served) -> bool:
    return not isinstance(answer, str) and bool(answer & _names(model))


def _names(model: Model) -> frozenset[str]:
    """What a provider may call it in its list: Ollama adds a tag to a name without one."""
    return frozenset({model.id, f"{model.id}:latest"})
