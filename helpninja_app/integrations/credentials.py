"""The credentials of an integration: checked when given, encrypted when stored, never shown whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from helpninja_app.errors import FieldError, InputRefused, Invalid, Unavailable
from helpninja_app.integrations.channels.mail import recipients
from helpninja_app.integrations.models import Integration, Provider
from helpninja_app.integrations.signatures import key_of
from helpninja_app.kernel.encryption import decrypt, encrypt
from helpninja_app.kernel.safe_http import SafeHttp

FIELD = "body.credentials"
MAX_LENGTH = 2_000
MIN_SECRET = 16

# Which of each are needed, and which may be given as well.
FIELDS: Mapping[Provider, tuple[frozenset[str], frozenset[str]]] = {
    Provider.SLACK: (frozenset({"webhook_url"}), frozenset({"channel", "username"})),
    Provider.EMAIL: (frozenset({"to"}), frozenset({"subject_prefix"})),
    Provider.TEAMS: (frozenset({"webhook_url"}), frozenset()),
    Provider.DISCORD: (frozenset({"webhook_url"}), frozenset()),
    Provider.WEBHOOK: (frozenset({"url", "secret"}), frozenset()),
}
_ADDRESSES = frozenset({"webhook_url", "url"})
_HIDDEN = 4


class Secrets(Mapping[str, str]):
    """Read by name; printed or logged they show nothing."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


async def check_credentials(http: SafeHttp, provider: Provider, given: Mapping[str, str]) -> Secrets:
    """What may be stored; ``Invalid`` names each wrong field. Looks addresses up, so not in a transaction."""
    needed, optional = FIELDS[provider]
    values = {name: value.strip() for name, value in given.items() if value.strip() or name in needed}
    errors = [
        FieldError(f"{FIELD}.{name}", f"There is no such field for {provider.value}.")
        for name in sorted(set(values) - needed - optional)
    ]
    errors += [FieldError(f"{FIELD}.{name}", "This is needed.") for name in sorted(needed - set(values))]
    for name in sorted(set(values) & (needed | optional)):
        problem = await _problem(http, name, values[name])
        if problem:
            errors.append(FieldError(f"{FIELD}.{name}", problem))
    if errors:
        raise Invalid(errors=tuple(errors))
    return Secrets(values)


def merged(stored: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """``stored`` with what is ``given``: ``None`` takes away, and what is sent back redacted is unchanged."""
    shown = redacted(stored)
    kept = {name: value for name, value in stored.items() if given.get(name, value) is not None}
    changed = {name: value for name, value in given.items() if value is not None and value != shown.get(name)}
    return kept | changed


def redacted(credentials: Mapping[str, str]) -> dict[str, str]:
    """As people may see them: of an address its host and its end, of a secret its end."""
    shown = {}
    for name, value in credentials.items():
        if name in _ADDRESSES:
            parts = urlsplit(value)
            rest = value[len(f"{parts.scheme}://{parts.netloc}") :]
            shown[name] = f"{parts.scheme}://{parts.netloc}/…{_end(rest)}"
        else:
            shown[name] = f"…{_end(value)}" if name == "secret" else value
    return shown


def seal(keys: Sequence[str], workspace_id: UUID, integration_id: UUID, values: Mapping[str, str]) -> str:
    """Encrypted for this row alone: moved into another one it cannot be read."""
    text = json.dumps(dict(values), sort_keys=True)
    return encrypt(keys, text, context=context_of(workspace_id, integration_id))


def unseal(keys: Sequence[str], integration: Integration) -> Secrets:
    """``Unavailable`` when the key is missing."""
    context = context_of(integration.workspace_id, integration.id)
    return Secrets(json.loads(decrypt(keys, integration.credentials, context=context)))


def still_known(keys: Sequence[str], integration: Integration) -> Secrets:
    """What a change starts from; empty when the key is gone, so that all has to be given anew."""
    try:
        return unseal(keys, integration)
    except Unavailable:
        return Secrets({})


def context_of(workspace_id: UUID, integration_id: UUID) -> str:
    return f"integration {workspace_id} {integration_id}"


async def _problem(http: SafeHttp, name: str, value: str) -> str | None:
    if not value:
        return "This is needed."
    if len(value) > MAX_LENGTH:
        return f"This is longer than {MAX_LENGTH:,} characters."
    if not value.isprintable():
        return "This has characters that cannot be shown."
    if name in _ADDRESSES:
        try:
            await http.check_post(value)
        except InputRefused as error:
            return error.detail
    if name == "to":
        try:
            recipients(value)
        except ValueError as error:
            return str(error)
    if name == "secret":
        try:
            key = key_of(value)
        except ValueError as error:
            return str(error)
        if len(key) < MIN_SECRET:
            return f"This is too short: a secret needs at least {MIN_SECRET} characters."
    return None


def _end(text: str) -> str:
    """The last characters, where they are a small part of it."""
    return text[-_HIDDEN:] if len(text) >= 4 * _HIDDEN else ""
