"""What providers, states and the messages to a destination are called."""

from __future__ import annotations

from datetime import datetime

from helpninja_app.conversations.deliveries import DeliveryView
from helpninja_app.conversations.delivery_models import FALLBACKS, DeliveryStatus
from helpninja_app.integrations.models import IntegrationStatus, Provider
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import duration_in_words, in_words

PROVIDERS: dict[Provider, str] = {
    Provider.SLACK: "Slack",
    Provider.EMAIL: "E-mail",
    Provider.TEAMS: "Microsoft Teams",
    Provider.DISCORD: "Discord",
    Provider.WEBHOOK: "Webhook",
}
SYMBOLS: dict[Provider, str] = {
    Provider.SLACK: "hash",
    Provider.EMAIL: "mail",
    Provider.TEAMS: "users",
    Provider.DISCORD: "message-circle",
    Provider.WEBHOOK: "webhook",
}
INTEGRATION_STATES: dict[IntegrationStatus, tuple[BadgeTone, str]] = {
    IntegrationStatus.ACTIVE: ("success", "Active"),
    IntegrationStatus.FAILING: ("danger", "Failing"),
    IntegrationStatus.DISABLED: ("neutral", "Switched off"),
}
DELIVERY_STATES: dict[DeliveryStatus, tuple[BadgeTone, str]] = {
    DeliveryStatus.SENT: ("success", "Sent"),
    DeliveryStatus.WAITING: ("warning", "Waiting"),
    DeliveryStatus.FAILED: ("danger", "Failed"),
}


def provider_in_words(provider: str) -> str:
    return PROVIDERS[Provider(provider)] if provider in set(Provider) else provider


def destination_in_words(view: DeliveryView) -> tuple[str, str]:
    """What a destination is called, and what it is; one of the settings has no name of its own."""
    if view.provider == FALLBACKS:
        return "No integration", "to what this installation's settings name, if anything"
    provider = provider_in_words(view.provider)
    return (view.name, provider) if view.name else (provider, "named in this installation's settings")


def last_message(view: DeliveryView | None, moment: datetime) -> str:
    """What became of the latest message to an integration, as a sentence."""
    if view is None:
        return "No escalation was sent to it yet."
    when = in_words(view.attempted_at or view.created_at, moment)
    match view.status:
        case DeliveryStatus.SENT:
            return f"The last escalation arrived {when}."
        case DeliveryStatus.FAILED:
            return f"The last escalation could not be sent, {when}."
        case DeliveryStatus.WAITING:
            return f"An escalation waits: {progress(view, moment)}."


def progress(view: DeliveryView, moment: datetime) -> str:
    """How often something that waits was tried, and when it is tried next."""
    is_later = view.next_at is not None and view.next_at > moment
    wait = duration_in_words(view.next_at - moment) if view.next_at and is_later else ""
    if not view.attempts:
        return (
            f"it goes out within {wait}, sooner if the visitor says who they are"
            if wait
            else "it goes out now"
        )
    times = "once" if view.attempts == 1 else f"{view.attempts} times"
    return f"tried {times}, again in {wait}" if wait else f"tried {times}, again now"
