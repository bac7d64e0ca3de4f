"""Sessions of people who signed in. A row stays when its session is over, as the record of the sign-in.

A browser has a random value and the database only its SHA-256, so reading the database lets nobody in.
"""

import hashlib
import time
import unicodedata
from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.store.people import desk_events
from blnk_api.store.people.desk_events import DeskEventKind
from blnk_api.store.tables import sessions
from blnk_api.store.transitions import IDS_PER_STATEMENT


class EndedHow(StrEnum):
    """The values are stored in the database."""

    SIGNED_OUT = "signed_out"
    """By the person."""
    BY_ADMIN = "by_admin"
    """By someone else, who is recorded."""
    REPLACED = "replaced"
    """The same browser signed in again."""
    RESTORED = "restored"
    """The database is a restored copy, which does not know who signed out since the backup."""


@dataclass(frozen=True)
class Identity:
    """What a provider or proxy said about a person at sign-in."""

    issuer: str
    subject: str
    """Together with `issuer`, the person's identity. Everything else may change."""
    name: str = ""
    email: str = ""
    email_verified: bool = False
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """App roles of the provider, not those of this product."""
    hosted_domain: str = ""
    """Google's `hd`: the organization that the account belongs to."""
    groups_left_out: bool = False
    """The provider sent a link to the groups instead of the groups."""

    def is_same_as(self, other: "Identity") -> bool:
        return (self.issuer, self.subject) == (other.issuer, other.subject)


@dataclass(frozen=True)
class Session:
    id: int
    provider: str
    """Its name in the settings, or "proxy" for a proxy's header."""
    who: Identity
    begun_at: float
    seen_at: float
    ended_at: float | None
    ended_how: EndedHow | None
    ended_by: str
    """Who ended it, if that was someone else."""


@dataclass(frozen=True)
class Lasts:
    """How long a session lasts, in seconds."""

    longest: float
    idle: float

    def until(self, session: Session) -> float:
        return min(session.begun_at + self.longest, session.seen_at + self.idle)

    @property
    def seen_every(self) -> float:
        """How often its use is recorded."""
        return min(60.0, self.idle / 10)


def begin(tx: Connection, cookie: str, provider: str, who: Identity) -> None:
    now = time.time()
    desk_events.note(tx, who=_actor(who), what=DeskEventKind.SIGNED_IN, detail=provider)
    facts = asdict(who)
    kept = {name: facts.pop(name) for name in ("issuer", "subject", "name", "email", "email_verified")}
    tx.execute(
        insert(sessions).values(
            key=_key(cookie),
            provider=provider,
            begun_at=now,
            seen_at=now,
            claims=orjson.dumps(facts).decode(),
            **kept,
        )
    )


def find(tx: Connection, cookie: str, lasts: Lasts) -> Session | None:
    """The session of this cookie, if it is not over."""
    found = tx.execute(select(sessions).where(sessions.c.key == _key(cookie))).first()
    if found is None or found.ended_at is not None:
        return None
    session = _session(found)
    return session if time.time() < lasts.until(session) else None


def is_known(tx: Connection, cookie: str) -> bool:
    """Whether there ever was a session with this cookie."""
    return tx.execute(select(sessions.c.id).where(sessions.c.key == _key(cookie))).first() is not None


def seen(tx: Connection, session: Session) -> None:
    """Records that it is being used."""
    tx.execute(
        update(sessions)
        .where(sessions.c.id == session.id, sessions.c.ended_at.is_(None))
        .values(seen_at=time.time())
    )


_ENDED_BY_PERSON = {
    EndedHow.SIGNED_OUT: DeskEventKind.SIGNED_OUT,
    EndedHow.REPLACED: DeskEventKind.SESSION_REPLACED,
}


def end(tx: Connection, id: int, how: EndedHow, *, by: Actor | None = None) -> bool:
    """Ends a session. Returns whether this call ended it. `by` is who did it, if that is someone else."""
    ended = tx.execute(
        update(sessions)
        .where(sessions.c.id == id, sessions.c.ended_at.is_(None))
        .values(ended_at=time.time(), ended_how=how, ended_by=(by.email or by.name) if by else "")
        .returning(*sessions.c)
    ).first()
    if ended is None:
        return False
    whose = _actor(_session(ended).who)
    if by is None:
        desk_events.note(tx, who=whose, what=_ENDED_BY_PERSON[how])
    else:
        called = whose.email or whose.name
        desk_events.note(tx, who=by, what=DeskEventKind.SESSION_ENDED, detail=called)
    return True


def end_restored(tx: Connection, *, who: Actor) -> None:
    """Ends all sessions: one that was ended after the backup must not come back with it."""
    ended = tx.execute(
        update(sessions)
        .where(sessions.c.ended_at.is_(None))
        .values(ended_at=time.time(), ended_how=EndedHow.RESTORED)
    )
    if ended.rowcount:
        desk_events.note(tx, who=who, what=DeskEventKind.SESSIONS_ENDED, detail=str(ended.rowcount))


def open_ones(tx: Connection, lasts: Lasts) -> list[Session]:
    """Sessions that are not over, most recently used first."""
    now = time.time()
    not_over: ColumnElement[bool] = and_(
        sessions.c.ended_at.is_(None),
        sessions.c.begun_at > now - lasts.longest,
        sessions.c.seen_at > now - lasts.idle,
    )
    found = tx.execute(select(sessions).where(not_over).order_by(sessions.c.seen_at.desc()))
    return list(map(_session, found))


def last(tx: Connection, *, limit: int) -> list[Session]:
    """The last sign-ins, newest first."""
    found = tx.execute(select(sessions).order_by(sessions.c.id.desc()).limit(limit))
    return list(map(_session, found))


def addresses(tx: Connection, people: Collection[Actor]) -> dict[tuple[str, str], set[str]]:
    """Every e-mail address with which these people ever signed in, verified or not, by issuer and subject."""
    found: dict[tuple[str, str], set[str]] = {}
    subjects = sorted({one.subject for one in people if one.kind is ActorKind.PERSON})
    for start in range(0, len(subjects), IDS_PER_STATEMENT):
        part = subjects[start : start + IDS_PER_STATEMENT]
        query = select(sessions.c.issuer, sessions.c.subject, sessions.c.email).distinct()
        for issuer, subject, email in tx.execute(
            query.where(sessions.c.subject.in_(part), sessions.c.email != "")
        ):
            found.setdefault((issuer, subject), set()).add(folded(email))
    return found


def folded(address: str) -> str:
    """An address or a name as people take it for the same."""
    return unicodedata.normalize("NFKC", address).casefold()


def _session(row: Row[tuple[object, ...]]) -> Session:
    facts = orjson.loads(row.claims)
    who = Identity(
        issuer=row.issuer,
        subject=row.subject,
        name=row.name,
        email=row.email,
        email_verified=bool(row.email_verified),
        groups=tuple(facts["groups"]),
        roles=tuple(facts["roles"]),
        hosted_domain=facts["hosted_domain"],
        groups_left_out=facts["groups_left_out"],
    )
    how = EndedHow(row.ended_how) if row.ended_how else None
    return Session(row.id, row.provider, who, row.begun_at, row.seen_at, row.ended_at, how, row.ended_by)


def _actor(who: Identity) -> Actor:
    """For records only: it has no permissions."""
    email = who.email if who.email_verified else ""
    return Actor(ActorKind.PERSON, who.name or email or who.subject, email, who.issuer, who.subject)


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
