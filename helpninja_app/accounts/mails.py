"""The mails about accounts: made when they are sent, so that no link waits in a queue."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.invites import mint_token
from helpninja_app.accounts.links import Purpose, make_link
from helpninja_app.accounts.models import Invite, User
from helpninja_app.accounts.recovery_codes import count_recovery_codes
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

ACCOUNT_TASK = "send_account_mail"
INVITE_TASK = "send_invite_mail"


class AccountMail(StrEnum):
    VERIFY = "verify"
    RESET = "reset"
    ADDRESS_TAKEN = "address_taken"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    TWO_FACTOR_ON = "two_factor_on"
    TWO_FACTOR_OFF = "two_factor_off"
    RECOVERY_CODE_USED = "recovery_code_used"


_WELCOME = """\
Welcome to HelpNinja.

Please confirm that this address is yours:

{link}

The link works once, and for three days. If you did not sign up, you can ignore this mail.
"""
_RESET = """\
Somebody asked for a new password for your HelpNinja account.

Choose one here:

{link}

The link works once, and for one hour. If it was not you, you can ignore this mail: nothing has changed.
"""
_TAKEN = """\
Somebody, perhaps you, tried to sign up to HelpNinja with this address. You have an account already.

Sign in here:

{link}

If you forgot your password, that page helps you to choose a new one. If it was not you, you can ignore this
mail.
"""
_CHANGED = """\
The password of your HelpNinja account was changed, and you were signed out on your other devices.

If it was not you, choose a new password at once:

{link}
"""
_TWO_FACTOR_ON = """\
Two-factor sign-in was switched on for your HelpNinja account. From now on, signing in takes a code of your
authenticator app after the password, or one of your recovery codes.

If it was not you, choose a new password at once, and then ask who runs this server to switch it off:

{link}
"""
_TWO_FACTOR_OFF = """\
Two-factor sign-in was switched off for your HelpNinja account. Signing in takes your password alone again.

If it was not you, choose a new password at once:

{link}
"""
_RECOVERY_CODE_USED = """\
Somebody signed in to your HelpNinja account with your password and a recovery code. {left} left.

If it was not you, choose a new password at once. New recovery codes are on the page of your account:

{link}
"""
_INVITED = """\
{invited_by} invites you to join {workspace} on HelpNinja as {role}.

Accept here:

{link}

The link works once, and for seven days.
"""


async def request_account_mail(session: AsyncSession, queue: Queue, kind: AccountMail, user_id: UUID) -> None:
    """Have a mail sent once the transaction is there; to nobody when there is no such user."""
    await queue.enqueue(session, ACCOUNT_TASK, kind=kind.value, user_id=str(user_id))


async def request_invite_mail(
    session: AsyncSession, queue: Queue, workspace_id: UUID, invite_id: UUID
) -> None:
    await queue.enqueue(session, INVITE_TASK, workspace_id=str(workspace_id), invite_id=str(invite_id))


async def write_account_mail(
    session: AsyncSession, kind: AccountMail, user_id: UUID, *, origin: str
) -> Mail | None:
    """A mail to a user, with a fresh link below ``origin``; ``None`` when there is no such user."""
    await enter_scope(session, Scope(user_id=user_id))
    user = (await session.execute(select(User).where(col(User.id) == user_id))).scalar_one_or_none()
    if user is None:
        return None
    if kind is AccountMail.VERIFY:
        token = await make_link(session, user.id, user.email, Purpose.VERIFY)
        return _mail(user.email, "Confirm your address", _WELCOME, f"{origin}/verify?token={token}")
    if kind is AccountMail.RESET:
        token = await make_link(session, user.id, user.email, Purpose.RESET)
        return _mail(user.email, "Choose a new password", _RESET, f"{origin}/reset?token={token}")
    if kind is AccountMail.ADDRESS_TAKEN:
        return _mail(user.email, "You have an account already", _TAKEN, f"{origin}/sign-in")
    if kind is AccountMail.TWO_FACTOR_ON:
        return _mail(user.email, "Two-factor sign-in is on", _TWO_FACTOR_ON, f"{origin}/forgot")
    if kind is AccountMail.TWO_FACTOR_OFF:
        return _mail(user.email, "Two-factor sign-in is off", _TWO_FACTOR_OFF, f"{origin}/forgot")
    if kind is AccountMail.RECOVERY_CODE_USED:
        count = await count_recovery_codes(session, user.id)
        left = "1 recovery code is" if count == 1 else f"{count or 'No'} recovery codes are"
        account = f"{origin}/app/account#two-factor"
        return _mail(user.email, "A recovery code was used", _RECOVERY_CODE_USED, account, left=left)
    return _mail(user.email, "Your password was changed", _CHANGED, f"{origin}/forgot")


async def write_invite_mail(
    session: AsyncSession, workspace_id: UUID, invite_id: UUID, *, origin: str
) -> Mail | None:
    """The mail of an invite; ``None`` when it cannot be accepted any more or is for nobody in particular."""
    await enter_scope(session, Scope.members(workspace_id))
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    found = await session.execute(
        select(Invite).where(
            col(Invite.workspace_id) == workspace_id,
            col(Invite.id) == invite_id,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
        )
    )
    offered = found.scalar_one_or_none()
    if offered is None or not offered.email:
        return None
    token = await mint_token(session, workspace_id, invite_id, is_mailed=True)
    return _mail(
        offered.email,
        f"{_one_line(offered.invited_by)} invites you to {_one_line(workspace.name)}",
        _INVITED,
        f"{origin}/invite?token={token}",
        invited_by=_one_line(offered.invited_by),
        workspace=_one_line(workspace.name),
        role=offered.role,
    )


def _mail(to: str, subject: str, text: str, link: str, **values: str) -> Mail:
    return Mail(to=to, subject=subject, text=text.format(link=link, **values), link=link)


def _one_line(text: str) -> str:
    # A subject with a line break would be a header of its own.
    return " ".join(text.split())[:200]
