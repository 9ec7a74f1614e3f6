"""Sessions and users of Supabase become ours when they are seen for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.invites import (
    MostMembers,
    accept_invite,
    look_up_invite,
    refuse_without_place,
)
from helpninja_app.accounts.models import Session, SessionHash, SupabaseUser, User
from helpninja_app.accounts.sessions import Device
from helpninja_app.accounts.sign_up import is_address_taken, is_anybody_here, open_workspace
from helpninja_app.accounts.supabase.tokens import Claims
from helpninja_app.accounts.tokens import token_hash
from helpninja_app.accounts.users import change_address, confirm_address, create_user
from helpninja_app.errors import Conflict, Forbidden, Invalid
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

# A page that is open when its token runs out has a moment to get a new one.
GRACE = timedelta(minutes=5)
_FRESH = timedelta(minutes=1)
# Between the clocks of two servers.
_SKEW = timedelta(seconds=10)
# These show that somebody reads the address, or that another service vouches for it.
_PROVING = frozenset(
    {"otp", "magiclink", "oauth", "recovery", "invite", "email/signup", "email_change", "sso/saml"}
)
_TAKEN = (
    "There is an account with this address here that was not made through Supabase."
    " Ask who runs this installation to link the two."
)
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('supabase:' || :what, 0))")


@dataclass(frozen=True, slots=True)
class Admission:
    """What somebody gets who was never here: an account, and a workspace where signing up is open.

    ``most_members`` says whether the workspace of an invite has a place for them.
    """

    sign_up: Literal["open", "invite", "closed"]
    embedding_model: str
    most_members: MostMembers


@dataclass(frozen=True, slots=True)
class Arrival:
    """``key`` is what our session is found by; the rest is what the first page that they saw was told.

    ``invite_token`` is accepted for them, ``offer_token`` is one that they have yet to accept.
    """

    claims: Claims
    key: str
    admission: Admission
    device: Device
    workspace_name: str = ""
    invite_token: str = ""
    offer_token: str = ""


async def introduce(session: AsyncSession, arrival: Arrival) -> bool:
    """Make what is missing of user, session and workspace; False for a session that was ended here.

    Raises ``Forbidden`` for somebody new where signing up is closed, or whose address is another account's:
    an address alone is not enough to take an account over, as Supabase may be set up not to confirm them.
    """
    claims = arrival.claims
    for what in (str(claims.subject), claims.email):
        await session.execute(_LOCK, {"what": what})
    found = await session.execute(
        select(col(SupabaseUser.user_id)).where(col(SupabaseUser.subject) == claims.subject)
    )
    known = found.scalar_one_or_none()
    is_first = known is None and not await is_anybody_here(session)
    user_id = known or await _make_user(session, arrival)
    await enter_scope(session, Scope(user_id=user_id))
    if known is not None and datetime.now(UTC) - claims.issued_at < _FRESH:
        # An older token may hold an address that was changed since.
        await change_address(session, user_id, claims.email)
    if not await _may_be_kept(session, arrival, user_id) or not await _keep_session(
        session, arrival, user_id
    ):
        return False
    if claims.methods & _PROVING:
        await confirm_address(session, user_id, claims.email)
    if arrival.invite_token:
        most = arrival.admission.most_members
        await accept_invite(session, arrival.invite_token, user_id, claims.email, most)
    elif known is None and (arrival.admission.sign_up == "open" or is_first):
        await open_workspace(
            session,
            user_id=user_id,
            email=claims.email,
            name=arrival.workspace_name.strip() or f"{claims.email.split('@')[0]}'s workspace",
            embedding_model=arrival.admission.embedding_model,
        )
    return True


def parse_subject(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        raise Invalid("The id of a user in Supabase is a UUID.") from None


async def link_user(session: AsyncSession, subject: UUID, user_id: UUID) -> None:
    """Let a user of Supabase be one who was here before; ``Conflict`` where one of them is linked already."""
    taken = await session.execute(
        select(col(SupabaseUser.subject)).where(
            or_(col(SupabaseUser.subject) == subject, col(SupabaseUser.user_id) == user_id)
        )
    )
    if taken.first() is not None:
        raise Conflict("One of the two is linked already.")
    await session.execute(insert(SupabaseUser).values(subject=subject, user_id=user_id))


async def _make_user(session: AsyncSession, arrival: Arrival) -> UUID:
    if arrival.admission.sign_up == "closed" and await is_anybody_here(session):
        raise Forbidden("Signing up is closed on this installation.")
    if arrival.admission.sign_up == "invite" and await is_anybody_here(session):
        invite = arrival.invite_token or arrival.offer_token
        if not invite:
            raise Forbidden("Signing up needs an invite on this installation.")
        offer = await look_up_invite(session, invite)
        await refuse_without_place(session, offer, arrival.admission.most_members)
    if await is_address_taken(session, arrival.claims.email):
        raise Forbidden(_TAKEN)
    # No password: it is Supabase's to know.
    user = await create_user(session, email=arrival.claims.email, password_hash="")
    await link_user(session, arrival.claims.subject, user.id)
    return user.id


async def _may_be_kept(session: AsyncSession, arrival: Arrival, user_id: UUID) -> bool:
    """Whether it was seen before, or began after all sessions were ended for the last time."""
    found = await session.execute(
        select(col(SessionHash.token_hash)).where(
            col(SessionHash.user_id) == user_id, col(SessionHash.session_id) == arrival.claims.session_id
        )
    )
    kept = found.scalar_one_or_none()
    if kept is not None:
        # Under another signing key it was another session.
        return kept == token_hash(arrival.key)
    ended = await session.execute(select(col(User.sessions_ended_at)).where(col(User.id) == user_id))
    ended_at = ended.scalar_one_or_none()
    return ended_at is None or arrival.claims.began_at + _SKEW >= ended_at


async def _keep_session(session: AsyncSession, arrival: Arrival, user_id: UUID) -> bool:
    now = datetime.now(UTC)
    until = arrival.claims.expires_at + GRACE
    statement = upsert(Session).values(
        user_id=user_id,
        id=arrival.claims.session_id,
        user_agent=arrival.device.user_agent[:300],
        address=arrival.device.address[:100],
        created_at=now,
        last_seen_at=now,
        expires_at=until,
    )
    kept = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[col(Session.user_id), col(Session.id)],
            set_={"expires_at": until, "last_seen_at": now},
            # What was ended here stays so, however long its token goes on.
            where=col(Session.revoked_at).is_(None),
        ).returning(col(Session.id))
    )
    if kept.first() is None:
        return False
    await session.execute(
        upsert(SessionHash)
        .values(token_hash=token_hash(arrival.key), user_id=user_id, session_id=arrival.claims.session_id)
        .on_conflict_do_nothing()
    )
    return True
