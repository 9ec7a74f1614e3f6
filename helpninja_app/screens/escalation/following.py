"""What the lists of the screen have in common that change as messages are sent."""

from __future__ import annotations

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.kernel.live import EVERYTHING
from helpninja_app.screens.chat.following import FollowedState

# Of a busy workspace everything is told, and read at most this often.
_REST = 1.0
# A new escalation changes the status of its conversation, an attempt to send it the details.
_CONCERNING = (f" {Change.STATUS.value}", f" {Change.DETAILS.value}")


class DispatchFollowedState(FollowedState, mixin=True):
    """A list that is shown anew when something was sent, or could not be."""

    def _topic(self, caller: MemberCaller) -> str:
        require(caller, Permission.READ_CONVERSATIONS)
        return inbox_topic(caller.workspace.id)

    def _concerns(self, notice: str) -> bool:
        return notice == EVERYTHING or notice.endswith(_CONCERNING)

    def _rest(self) -> float:
        return _REST
