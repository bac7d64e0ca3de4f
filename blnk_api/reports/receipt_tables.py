"""The tables of a receipt's document, line by line. receipt.html.j2 places them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from blnk_api.files.column_labels import distinct_labels
from blnk_api.store.people.receipt_records import Contents
from blnk_api.store.states import NEEDS_YOU, WORDS, RowState
from blnk_api.wording.phrases import listed, plural

MOST_SHOWN = 1_000
"""The most lines in one table. The JSON has all of them."""
ON_FIRST_PAGE = 12
"""How many lines of a table fit on the first page. The annex has all of them."""
PRINTED = 30
"""A longer list in the annex is collapsed until someone opens it, and so it is not printed by default."""

Facts = list[tuple[str, object]]
Times = Callable[[str | None], str]


@dataclass(frozen=True)
class Table:
    """Not shown if it has no lines."""

    headers: Sequence[str]
    lines: Sequence[Sequence[object]]
    left_out: int = 0
    """How many lines the receipt itself does not list."""

    @property
    def is_long(self) -> bool:
        return len(self.lines) > PRINTED

    @property
    def shown(self) -> Sequence[Sequence[object]]:
        return self.lines[:MOST_SHOWN]

    @property
    def more(self) -> int:
        return len(self.lines) - len(self.shown) + self.left_out

    @cached_property
    def is_number(self) -> Sequence[bool]:
        """For each column, whether it has numbers, which are aligned right."""
        return [all(isinstance(line[at], int) for line in self.shown) for at in range(len(self.headers))]


def of(contents: Contents, at: Times) -> dict[str, Table | dict[str, Table] | Facts]:
    """All tables, by their names in the template."""
    existing, left_out, results = contents["existing"], contents["left_out"], contents["results"]
    existed = [(one["row"], one["balance_id"]) for one in existing["rows"]]
    not_sent = [(one["row"], one["why"], one["by"], at(one["at"])) for one in left_out["rows"]]
    changes = [
        (str(one["row"]), one["column"], one["old"], one["new"], one["by"], at(one["at"]))
        for one in contents["changes"]
    ]
    happened = [(at(one["at"]), one["by"], one["what"]) for one in contents["happened"]]
    file = f"{results['file_name']} ({results['bytes']:,} bytes, {plural(results['rows'], 'row')})"
    totals = _totals(contents["totals"])
    shortened = Table(totals.headers, [*totals.lines[:ON_FIRST_PAGE], *totals.lines[-1:]])
    routine = contents.get("routine") or {"came_to": [], "happened": []}
    each = [(at(one["at"]), one["row"] or "", one["what"]) for one in routine["happened"]]
    return {
        "about": _about(contents, at),
        "totals": shortened if len(totals.lines) > ON_FIRST_PAGE + 1 else totals,
        "all_totals": totals if len(totals.lines) > ON_FIRST_PAGE + 1 else Table([], []),
        "routine": Table(["When", "Row", "What"], each),
        "statuses": Table(["Status", "Rows"], list(contents["statuses"].items())),
        "compared": _compared(contents["verification"]) if contents["verification"]["verified"] else {},
        "checked_again": _checked_again(contents.get("checked_again"), at),
        "existing": Table(["Row", "Balance id"], existed, existing["count"] - len(existed)),
        "changes": Table(["Row", "Column", "Old", "New", "By", "When"], changes),
        "left_out": Table(["Row", "Why", "By", "When"], not_sent, left_out["count"] - len(not_sent)),
        "columns": _columns(contents["mapping"] or {}),
        "for_all_rows": _for_all_rows(contents["mapping"] or {}),
        "happened": Table(["When", "Who", "What"], happened),
        "results": [("File", file), ("SHA-256", results["sha256"])],
        "trail": _trail(contents.get("trail")),
    }


def _trail(trail: Contents | None) -> Facts:
    """Receipts of earlier versions do not have it."""
    return [] if trail is None else [("Events", f"{trail['events']:,}"), ("Newest link", trail["head"])]


def _about(contents: Contents, at: Times) -> Facts:
    made, where, file = contents["import"], contents["instance"], contents["file"]
    facts: Facts = [
        ("Receipt", f"{contents['receipt']}, written on {at(contents['made_at'])}"),
        ("Import", made["id"]),
    ]
    if version := contents.get("version"):
        facts.append(("Written by", f"Balance Desk {version}"))
    if file:
        facts.append(("File", f"{file['name']} ({file['bytes'] or 0:,} bytes)"))
        facts.append(("SHA-256 of the file", file["sha256"] or None))
    first_event = "Uploaded" if file else "Requested"
    facts.append((first_event, f"{made['uploaded']['by']}, {at(made['uploaded']['at'])}"))
    if made["confirmed"]["by"]:
        facts.append(("Confirmed", f"{made['confirmed']['by']}, {at(made['confirmed']['at'])}"))
    facts.append((made["state"], at(made["finished_at"])))
    if fixes := contents.get("fixes"):
        facts.append(("Fixes rows of", f"import {fixes}"))
    facts += [
        ("Fixed elsewhere", f"{plural(one['rows'], 'row')} in import {one['import']}")
        for one in contents.get("fixed_in") or ()
    ]
    is_practice = where["environment"] == "practice"
    blnk = "Practice" if is_practice else f"{where['connection']}: {where['base_url']}"
    facts.append(("Blnk", f"{blnk}, instance {where['instance_id']}"))
    return facts


_NO_LEDGER = "Invalid and skipped rows"


_IN_DOUBT = (WORDS[RowState.UNKNOWN], NEEDS_YOU, "Needs a look")
_EARLIER_WORDS = {"Already existed": WORDS[RowState.EXISTS]}
"""Earlier versions' status words, which their receipts keep."""


def _totals(totals: Sequence[Contents]) -> Table:
    words = [WORDS[RowState.CREATED], WORDS[RowState.EXISTS]]
    used = {word for one in totals for word in one["balances"]}
    words += [word for word in _IN_DOUBT if word in used]
    earlier = used & _EARLIER_WORDS.keys()
    words = [next((old for old in earlier if _EARLIER_WORDS[old] == word), word) for word in words]
    lines: list[tuple[str, str, list[int]]] = []
    for one in totals:
        balances = dict(one["balances"])
        counted: list[int] = [balances.pop(word, 0) for word in words]
        ledger = f"{one['ledger']}\n{one['ledger_id']}" if one["ledger"] else one["ledger_id"] or _NO_LEDGER
        lines.append((ledger, one["currency"], [*counted, sum(balances.values())]))
    if len(lines) > 1:
        columns = zip(*(counted for _, _, counted in lines), strict=True)
        lines.append(("All", "", [sum(column) for column in columns]))
    shown = [[ledger, currency, *counted] for ledger, currency, counted in lines]
    return Table(["Ledger", "Currency", *words, "Not created"], shown)


def _compared(found: Contents) -> dict[str, Table]:
    """The outcome of the comparison with Blnk, if there was one."""
    created, existing = found["created"], found["existing"]
    kinds = [("Created by this import", created)]
    kinds += [("Existed before this import", existing)] if existing["expected"] else []
    balances = [(name, one["expected"], one["found"], len(one["missing"])) for name, one in kinds]
    strangers = [(one.get("ref") or None, listed(one["ids"])) for one in found["unexpected"]]
    before = "Missing balance that existed before: row"
    return {
        "balances": Table(["Balances", "Expected", "Found", "Missing"], balances),
        "twins": Table(["Row", "Balance ids"], _by_row(found["twins"])),
        "missing": Table(["Missing balance: row", "Balance id"], _by_row(created["missing"])),
        "missing_existing": Table([before, "Balance id"], _by_row(existing["missing"])),
        "unexpected": Table(["In Blnk, but of no row: import_ref", "Balance id"], strangers),
    }


def _by_row(found: Sequence[Contents]) -> list[tuple[str, str]]:
    return [(str(one["row"]), listed(one["ids"])) for one in found]


def _checked_again(looks: Contents | None, at: Times) -> Facts:
    """Receipts of earlier versions do not have it."""
    if not looks or not (looks["open"] or looks["over"]):
        return []
    over: Facts = [
        ("Rows checked for the last time", f"{looks['over']:,}"),
        ("Last check", at(looks["last"])),
    ]
    if not looks["open"]:
        return over
    named = ", ".join(looks["rows"]) + (", …" if looks["open"] > len(looks["rows"]) else "")
    due = [("Next check", at(looks["next"])), ("Final check", at(looks["final"]))]
    return [(plural(looks["open"], "row"), named), *over, *due]


def _columns(mapping: Contents) -> Table:
    columns = mapping.get("columns", [])
    names = distinct_labels([one["header"] for one in columns])
    lines = [
        (name, one["use"].replace("_", " "), one.get("name") or "")
        for name, one in zip(names, columns, strict=True)
    ]
    return Table(["Column", "Field", "Stored as"], lines)


def _for_all_rows(mapping: Contents) -> Facts:
    for_all = mapping.get("for_all_rows") or {}
    chosen: Facts = []
    if for_all.get("ledger_id"):
        chosen.append(("Ledger for all rows", for_all["ledger_id"]))
    if for_all.get("currencies"):
        chosen.append(("Currency for all rows", ", ".join(for_all["currencies"])))
    if mapping.get("match_columns") is not None:
        chosen.append(("Key columns", ", ".join(mapping["match_columns"]) or "none"))
    if mapping.get("identity_key"):
        chosen.append(("Metadata key that identities are found by", mapping["identity_key"]))
    return chosen
