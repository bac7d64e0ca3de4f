"""The plan of one round of the trial, from its seed alone: what is imported, and what goes wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from blnk_api.models import BalanceRequest
from tests.support.json_object import JsonObject

Database = Literal["sqlite", "postgres"]
Access = Literal["token", "oauth", "write only"]
StrikeKind = Literal[
    "kill",  # SIGKILL of the process that sends; another one is started, as the app does
    "end",  # SIGTERM, and a restart
    "freeze",  # SIGSTOP for longer than every timeout, with a second one waiting
    "cut",  # the sessions of the store are cut off (Postgres)
    "freeze and cut",  # both: the second one takes over, and the first one wakes up later (Postgres)
    "pause",  # a person pauses the imports, and resumes them later
]

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
GONE = "ldg_99999999-9999-4999-8999-999999999999"
"""Not a ledger of Blnk: rows that name it are rejected."""
REQUEST_TIMEOUT_SECONDS = 1.0
SETTLED_SECONDS = 3 * REQUEST_TIMEOUT_SECONDS
"""A settle time of two request timeouts, and the second look-up one later: what Blnk commits after that may
have been sent again."""

FEW_HANDLES = 256
"""The default limit of a process on some systems."""
MANY = 300
_WITHIN_SECONDS = (0.5, 2.4)
_BEYOND_SECONDS = (5.0, 7.0)


@dataclass(frozen=True)
class Strike:
    """Happens `after_seconds` after this part of all rows is final, or later if that does not happen."""

    kind: StrikeKind
    at: float
    after_seconds: float
    lasts_seconds: float


@dataclass(frozen=True)
class Plan:
    seed: int
    database: Database
    files: tuple[tuple[BalanceRequest, ...], ...]
    """The rows of each import; all are confirmed at the same moment."""
    requests_per_minute: int
    claim_good_seconds: float
    access: Access
    handles: int | None
    """How many files and connections its senders may have open; None is the machine's own limit."""
    desks: int
    """How many desks begin all of it together, each with a data folder and a database of its own."""
    faults: tuple[JsonObject, ...]
    strikes: tuple[Strike, ...]
    fixes: bool = False
    """Whether a person fixes what was rejected, in imports of their own."""
    approval: bool = False
    """Whether a second person has to approve everything that is sent."""

    @property
    def rows(self) -> int:
        return sum(len(file) for file in self.files)

    @property
    def commits_beyond_settling(self) -> bool:
        """Whether a late commit of this round may happen after its row was sent again with good reason."""
        return any(
            one["kind"] == "commit_late" and one["seconds"] > SETTLED_SECONDS - 0.5 for one in self.faults
        )

    @property
    def most_by_two_desks(self) -> int | None:
        """How many rows two desks may create twice, or None if that has no bound: reads hide what the other
        one created, or a new sender begins with five more rows."""
        hide = ("lagging_reads", "short_filter", "commit_late")
        is_seen = all(one["kind"] not in hide for one in self.faults)
        is_whole = all(one.kind == "pause" for one in self.strikes)
        return 6 if is_seen and is_whole else None

    def __str__(self) -> str:
        faults = ", ".join(_told(one) for one in self.faults) or "no faults"
        strikes = ", ".join(f"{one.kind} at {one.at:.0%}" for one in self.strikes) or "no strikes"
        sizes = " and ".join(str(len(file)) for file in self.files)
        handles = f", {self.handles} handles" if self.handles else ""
        desks = f", {self.desks} desks" if self.desks > 1 else ""
        more = (", fixes" if self.fixes else "") + (", approval" if self.approval else "")
        who = f"{self.database}, {sizes} rows, {self.access}{handles}{desks}{more}"
        return f"seed {self.seed}, {who}: {faults}; {strikes}"


def _told(fault: JsonObject) -> str:
    kept = [f"{key} {value}" for key, value in fault.items() if key not in ("kind", "seed", "skip")]
    return " ".join([fault["kind"], *kept])


def plan(seed: int, database: Database) -> Plan:
    """The same seed gives the same plan."""
    chance = random.Random(seed)
    access = chance.choices(("token", "oauth", "write only"), (16, 2, 1))[0]
    files = _files(chance, several=access != "write only")
    rows = sum(len(file) for file in files)
    drawn = Plan(
        seed=seed,
        database=database,
        files=files,
        requests_per_minute=chance.choice((3_000, 6_000, 12_000)),
        claim_good_seconds=chance.choice((0.5, 2.0)),
        access=access,  # type: ignore[arg-type]
        handles=None,
        desks=1,
        faults=tuple(_faults(chance, rows)),
        strikes=tuple(_strikes(chance, database)),
    )
    return _harder(chance, drawn)


def _harder(chance: random.Random, drawn: Plan) -> Plan:
    """What is drawn last, so that the rest of an earlier plan stays as it was."""
    if chance.random() < 0.15:
        # More requests at once than there are open files for.
        more = _rows(chance, range(2_000, 2_000 + MANY))
        slow = {"kind": "latency", "seconds": 0.5, "percent": 100, "seed": 0}
        drawn = replace(
            drawn, handles=FEW_HANDLES, files=(*drawn.files, more), requests_per_minute=60_000,
            faults=(*(one for one in drawn.faults if one["kind"] != "latency"), slow),
        )  # fmt: skip
    if drawn.access != "write only" and chance.random() < 0.3:
        conflicts = {
            "kind": "status_after_commit", "status": 409, "answer": "json", **_some(chance, drawn.rows),
        }  # fmt: skip
        lag = {"kind": "lagging_reads", "seconds": round(chance.uniform(0.8, 1.8), 1), "percent": 100}
        drawn = _with(drawn, {**conflicts, "seed": chance.randrange(1_000_000)}, {**lag, "seed": 0})
    if chance.random() < 0.3:
        kind = chance.choice(("status_before_commit", "drop_before_commit", "truncated_201"))
        drawn = _with(drawn, {"kind": kind, "on": "read", "percent": 10, "seed": chance.randrange(1_000_000)})
    if drawn.access != "write only" and chance.random() < 0.2:
        # Without reading, no desk can notice another one.
        drawn = replace(drawn, desks=2, files=drawn.files[:1])
    if drawn.desks == 1 and drawn.access != "write only":
        drawn = replace(drawn, fixes=chance.random() < 0.7)
    if drawn.fixes:
        drawn = replace(drawn, files=tuple(_with_rejected(chance, file) for file in drawn.files))
    return replace(drawn, approval=drawn.desks == 1 and chance.random() < 0.4)


def _with_rejected(chance: random.Random, file: tuple[BalanceRequest, ...]) -> tuple[BalanceRequest, ...]:
    """Some rows name a ledger that Blnk does not have."""
    return tuple(
        one.model_copy(update={"ledger_id": GONE}) if chance.random() < 0.05 else one for one in file
    )


def _with(drawn: Plan, *more: JsonObject) -> Plan:
    return replace(drawn, faults=(*more, *drawn.faults))


def _files(chance: random.Random, *, several: bool) -> tuple[tuple[BalanceRequest, ...], ...]:
    first = _rows(chance, range(chance.choice((1, 2, 7, 20, 20, 60, 60, 60, 120, 120, 200, 300))))
    kind = chance.choices(("one", "two", "twice", "overlapping"), (12, 2, 2, 1))[0] if several else "one"
    match kind:
        case "two":
            return first, _rows(chance, range(1_000, 1_000 + chance.randint(1, 100)))
        case "twice":
            return first, first
        case "overlapping":
            more = _rows(chance, range(1_000, 1_000 + chance.randint(1, 40)))
            return first, (*chance.sample(first, (len(first) + 1) // 2), *more)
        case _:
            return (first,)


def _rows(chance: random.Random, customers: range) -> tuple[BalanceRequest, ...]:
    """Different balances; sometimes a few rows are equal, and are as many balances."""
    chosen = list(customers)
    if chance.random() < 0.3:
        chosen = [chance.choice(chosen) if chance.random() < 0.1 else one for one in chosen]
    return tuple(
        BalanceRequest(ledger_id=LEDGER, currency="NGN", meta_data={"customer": str(one)}) for one in chosen
    )


def _faults(chance: random.Random, rows: int) -> list[JsonObject]:
    """Two to five kinds, some of which strike again and again; one round in twenty has none."""
    if chance.random() < 0.05:
        return []
    makers = chance.sample(_MAKERS, chance.randint(2, 5))
    faults = [{**make(chance, rows), "seed": chance.randrange(1_000_000)} for make in makers]
    if chance.random() < 0.15:
        faults = [one for one in faults if one["kind"] != "commit_late"]
        faults.insert(0, _late(chance, rows, _BEYOND_SECONDS))
    return faults


def _some(chance: random.Random, rows: int) -> JsonObject:
    """How often: a few percent of all, or a few in succession from some row on."""
    if chance.random() < 0.6:
        return {"percent": chance.choice((1, 3, 5, 10))}
    return {"times": chance.randint(1, 5), "skip": chance.randrange(rows)}


def _few(chance: random.Random, rows: int, most: int = 3) -> JsonObject:
    return {"times": chance.randint(1, most), "skip": chance.randrange(rows)}


def _late(chance: random.Random, rows: int, within: tuple[float, float]) -> JsonObject:
    seconds = round(chance.uniform(*within), 1)
    answer = chance.choice(("hang", "drop", "drop"))
    how_often = {"percent": 5} if chance.random() < 0.5 else _few(chance, rows, 5)
    return {"kind": "commit_late", "seconds": seconds, "answer": answer, **how_often}


def _status(chance: random.Random, rows: int, when: str) -> JsonObject:
    status, answer = chance.choice((500, 502, 503, 504, 408)), chance.choice(("json", "html"))
    return {
        "kind": f"status_{when}_commit", "status": status, "answer": answer, **_some(chance, rows),
    }  # fmt: skip


def _unwell_reads(chance: random.Random, rows: int) -> JsonObject:
    kind = chance.choice(("status_before_commit", "drop_before_commit", "rate_limited"))
    return {"kind": kind, "on": "read", "times": chance.randint(1, 6), "percent": 40}


_MAKERS: list[Callable[[random.Random, int], JsonObject]] = [
    lambda chance, rows: {"kind": "drop_before_commit", **_some(chance, rows)},
    lambda chance, rows: {"kind": "drop_after_commit", **_some(chance, rows)},
    lambda chance, rows: _status(chance, rows, "before"),
    lambda chance, rows: _status(chance, rows, "after"),
    lambda chance, rows: _status(chance, rows, "after"),
    lambda chance, rows: {"kind": "rate_limited", **_few(chance, rows)},
    lambda chance, rows: {
        "kind": "rate_limited", "retry_after": chance.choice(("0", "1")), **_few(chance, rows, 8),
    },
    lambda chance, rows: {"kind": "truncated_201", **_some(chance, rows)},
    lambda chance, rows: {"kind": "html_200", **_few(chance, rows)},
    lambda chance, rows: {"kind": "wrong_ref_201", **_few(chance, rows)},
    lambda chance, rows: {"kind": "hang", **_few(chance, rows)},
    lambda chance, rows: _late(chance, rows, _WITHIN_SECONDS),
    lambda chance, rows: _late(chance, rows, _WITHIN_SECONDS),
    lambda chance, rows: {
        "kind": "latency", "seconds": round(chance.uniform(0.02, 0.4), 2),
        "percent": chance.choice((20, 100)),
    },
    lambda chance, _: {
        "kind": "lagging_reads", "seconds": round(chance.uniform(0.3, 1.8), 1),
        "percent": chance.choice((30, 100)),
    },
    lambda chance, _: {"kind": "short_filter", "percent": chance.choice((5, 15, 30))},
    lambda chance, rows: {
        "kind": "full_stop", "seconds": round(chance.uniform(0.5, 3.0), 1), "times": 1,
        "skip": chance.randrange(rows),
    },
    lambda chance, rows: {"kind": "revoke", "on": "create", "times": 1, "skip": chance.randrange(rows)},
    _unwell_reads,
]  # fmt: skip


def _strikes(chance: random.Random, database: Database) -> list[Strike]:
    kinds: list[StrikeKind] = ["kill", "kill", "kill", "kill", "end", "freeze", "freeze", "pause", "pause"]
    if database == "postgres":
        kinds += ["cut", "freeze and cut"]
    drawn = [_strike(chance, chance.choice(kinds)) for _ in range(chance.choice((0, 1, 1, 2, 2, 3)))]
    return sorted(drawn, key=lambda one: one.at)


def _strike(chance: random.Random, kind: StrikeKind) -> Strike:
    lasts = chance.uniform(0.1, 1.0) if kind == "pause" else chance.uniform(2.2, 3.2)
    at = 0.0 if chance.random() < 0.15 else round(chance.random() * 0.95, 2)
    return Strike(kind, at, round(chance.random() * 0.2, 3), round(lasts, 2))
