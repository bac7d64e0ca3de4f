"""A receipt as one HTML document to be printed: no scripts, nothing loaded, every text to the letter."""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from blnk_api.files.column_labels import told_apart
from blnk_api.settings import Environment
from blnk_api.store.states import WORDS, RowState
from blnk_api.wording.phrases import ENVIRONMENT, ENVIRONMENT_MEANS, listed, plural

MOST_SHOWN = 1_000
"""Lines of one table; the JSON holds what is left out here."""

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 14px/1.45 "Source Sans 3", "Source Sans Pro", system-ui, sans-serif; color: #1a2233;
  background: #ffffff; max-width: 60rem; margin: 0 auto; padding: 2rem 1.5rem 4rem;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid #d9dde5; }
p { margin: .3rem 0; }
.brand { color: #5b6472; margin-bottom: 1rem; }
.came-to { font-size: 1.1rem; font-weight: 600; }
.environment { display: inline-block; padding: .25rem .6rem; border-radius: 4px; color: #ffffff;
  font-weight: 600; margin: .75rem 0; }
.production { background: #8f1d14; } .sandbox { background: #1d4f91; } .practice { background: #5a3d9a; }
.finding { border-left: 4px solid #b45309; padding: .25rem .75rem; margin: .5rem 0; }
.note { border-left: 4px solid #1f4fbf; padding: .25rem .75rem; margin: .5rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.small { color: #5b6472; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid #e6e9ef; overflow-wrap: anywhere; white-space: pre-wrap; }
th { font-weight: 600; color: #3c4657; }
td.n, th.n { text-align: right; white-space: nowrap; }
table.facts th { width: 12rem; font-weight: 400; color: #5b6472; }
code { font-family: ui-monospace, "Source Code Pro", monospace; font-size: .92em; overflow-wrap: anywhere; }
a { color: #1f4fbf; }
@media screen and (max-width: 640px) { body { padding: 1rem; } table { display: block; overflow-x: auto; }
  table:not(.facts) th, table:not(.facts) td { min-width: 6rem; }
  table.facts th, table.facts td { display: block; width: auto; border: 0; padding: .1rem 0; } }
@media print { body { padding: 0; font-size: 11px; max-width: none; } a.act { display: none; }
  thead { display: table-header-group; } tr, .note, .finding { break-inside: avoid; }
  .environment { color: #000000; background: none; border: 1px solid #000000; } }
@page { margin: 16mm; }
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing in a receipt can run or load anything, whatever a file, a ledger or a note says."""

Facts = Sequence[tuple[str, str]]


class _Times:
    """Times as the reader's clock shows them, beside UTC."""

    def __init__(self, zone: tzinfo, zone_name: str | None) -> None:
        self._zone = zone
        self._name = zone_name if zone_name and zone_name != "UTC" else None

    def __call__(self, at: str | None) -> str:
        """ "22 Nov 2026, 16:07:03 UTC (17:07:03 Europe/Paris)" """
        if at is None:
            return "–"
        utc = datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        said = f"{utc:%-d %b %Y, %H:%M:%S} UTC"
        if self._name is None:
            return said
        here = utc.astimezone(self._zone)
        day = f"{here:%-d %b} " if here.date() != utc.date() else ""
        return f"{said} ({day}{here:%H:%M:%S} {self._name})"


def document(
    told: dict[str, Any], zone: tzinfo, zone_name: str | None, *, json_link: str, results_link: str | None
) -> str:
    """The whole document. `results_link` is where its results can be downloaded, if they still can."""
    at = _Times(zone, zone_name)
    made, where = told["import"], told["instance"]
    title = f"Receipt {told['receipt']}: {made['title']}"
    parts = [
        _p("Balance Desk for Blnk", "brand"),
        f"<h1>{_text(title)}</h1>",
        _p(made["came_to"], "came-to"),
        _environment(where["environment"]),
        *(_p(sentence, "finding") for sentence in told["findings"]),
        _facts(_about(told, at)),
        *_section("Balances by ledger and currency", _totals(told["totals"])),
        *_section("Rows by status", _table(["Status", "Rows"], told["statuses"].items())),
        *_section("Verification", _verification(told["verification"], at)),
        *_section("Rows to be checked again", _checked_again(told.get("checked_again"), at)),
        *_section("Existed before this import", _existing(told["existing"])),
        *(_of_file(told, at) if told["file"] else ()),
        *_section("Notes", _notes(told["notes"], at)),
        *_section("How columns were read", _mapping(told["mapping"])),
        *_section("What happened", _happened(told["happened"], at)),
        *_section("Results", _results(told["results"], results_link)),
        f'<p><a class="act" href="{_text(json_link)}">This receipt as JSON</a></p>',
        _p(
            "Names are as people gave them. A receipt is never changed; what comes later makes the next.",
            "small",
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><main>"
        + "\n".join(parts)
        + "</main></body></html>"
    )


def _of_file(told: dict[str, Any], at: _Times) -> Iterable[str]:
    yield from _section("Cells changed before sending", _changes(told["changes"], at))
    yield from _section("Rows left out", _left_out(told["left_out"], at))


def _text(value: object) -> str:
    return html.escape("–" if value is None else str(value))


def _p(text: object, kind: str = "") -> str:
    return f'<p class="{kind}">{_text(text)}</p>' if kind else f"<p>{_text(text)}</p>"


def _section(title: str, *body: str) -> Iterable[str]:
    return (f"<h2>{_text(title)}</h2>", *body) if any(body) else ()


def _facts(facts: Facts) -> str:
    lines = (f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in facts)
    return f'<table class="facts"><tbody>{"".join(lines)}</tbody></table>'


def _table(headers: Sequence[str], lines: Iterable[Sequence[object]], *, left_out: int = 0) -> str:
    """Numbers stand right. "" when there is nothing to show."""
    listed_ = list(lines)
    if not listed_:
        return ""
    shown_ = listed_[:MOST_SHOWN]
    is_number = [all(isinstance(line[at], int) for line in shown_) for at in range(len(headers))]
    kinds = [' class="n"' if number else "" for number in is_number]
    head = "".join(
        f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(headers, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{_text(_figure(one))}</td>" for one, kind in zip(line, kinds, strict=True))
        + "</tr>"
        for line in shown_
    )
    more = len(listed_) - len(shown_) + left_out
    after = (
        _p(f"And {plural(more, 'more line')}: in the JSON of this receipt, or in its results.", "small")
        if more
        else ""
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"


def _figure(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


def _environment(environment: Environment) -> str:
    said = f"{ENVIRONMENT[environment]} · {ENVIRONMENT_MEANS[environment]}"
    return f'<p class="environment {_text(environment)}">{_text(said)}</p>'


def _about(told: dict[str, Any], at: _Times) -> Facts:
    made, where, file = told["import"], told["instance"], told["file"]
    facts = [("Receipt", f"{told['receipt']}, of {at(told['made_at'])}"), ("Import", made["id"])]
    if file:
        facts += [
            ("File", f"{file['name']} ({file['bytes'] or 0:,} bytes)"),
            ("SHA-256 of the file", file["sha256"] or "–"),
        ]
    asked = "Uploaded" if file else "Asked for"
    facts.append((asked, f"{made['uploaded']['by']}, {at(made['uploaded']['at'])}"))
    if made["confirmed"]["by"]:
        facts.append(("Confirmed", f"{made['confirmed']['by']}, {at(made['confirmed']['at'])}"))
    facts.append((made["state"], at(made["finished_at"])))
    is_practice = where["environment"] == "practice"
    blnk = "The practice Blnk" if is_practice else f"{where['connection']}: {where['base_url']}"
    facts.append(("Blnk", f"{blnk}, instance {where['instance_id']}"))
    return facts


_NO_LEDGER = "Rows that were invalid or left out"


def _totals(totals: Sequence[dict[str, Any]]) -> str:
    made = (RowState.CREATED, RowState.EXISTS, RowState.UNKNOWN)
    words = [WORDS[one] for one in made]
    lines: list[list[object]] = []
    for one in totals:
        balances = dict(one["balances"])
        counted = [balances.pop(word, 0) for word in words]
        ledger = f"{one['ledger']}\n{one['ledger_id']}" if one["ledger"] else one["ledger_id"] or _NO_LEDGER
        lines.append([ledger, one["currency"], *counted, sum(balances.values())])
    if len(lines) > 1:
        lines.append(["All", "", *(sum(int(str(line[at])) for line in lines) for at in range(2, 6))])
    return _table(["Ledger", "Currency", *words, "Not created"], lines)


def _verification(found: dict[str, Any], at: _Times) -> str:
    if not found["verified"]:
        return _p(f"Not verified: {found['why']}")
    lines = [
        [title, found[kind]["expected"], found[kind]["found"], len(found[kind]["missing"])]
        for kind, title in (("created", "Created by this import"), ("existing", "Existed before, by id"))
        if kind == "created" or found[kind]["expected"]
    ]
    parts = [
        _p(f"Compared with what Blnk holds: {at(found['at'])}."),
        _table(["Balances", "Expected", "Found", "Missing"], lines),
        _p(
            "No row has a second balance."
            if not found["twins"]
            else f"{plural(len(found['twins']), 'row')} with a second balance:"
        ),
        _table(["Row", "Balances"], ((str(one["row"]), listed(one["ids"])) for one in found["twins"])),
    ]
    for title, kind in (("Missing", "created"), ("Missing, of those that existed before", "existing")):
        gone = ((str(one["row"]), listed(one["ids"])) for one in found[kind]["missing"])
        parts.append(_table([f"{title}: row", "Balance"], gone))
    strangers = ((one.get("ref") or "–", listed(one["ids"])) for one in found["unexpected"])
    parts.append(_table(["In Blnk, but of no row: reference", "Balance"], strangers))
    return "".join(parts)


def _checked_again(looks: dict[str, Any] | None, at: _Times) -> str:
    """Receipts of earlier versions say nothing of it."""
    if not looks or not (looks["open"] or looks["over"]):
        return ""
    facts = [("Rows checked for the last time", f"{looks['over']:,}"), ("Last check", at(looks["last"]))]
    if not looks["open"]:
        return _facts(facts)
    why = "Each had an attempt without a clear answer. Blnk is checked in case that creates a balance late."
    named = ", ".join(looks["rows"]) + (", …" if looks["open"] > len(looks["rows"]) else "")
    facts = [(plural(looks["open"], "row"), named), *facts]
    facts += [("Next check", at(looks["next"])), ("Final check", at(looks["final"]))]
    return _p(why) + _facts(facts)


def _existing(existing: dict[str, Any]) -> str:
    lines = [(one["row"], one["balance_id"]) for one in existing["rows"]]
    return _table(["Row", "Balance id"], lines, left_out=existing["count"] - len(lines))


def _changes(changes: Sequence[dict[str, Any]], at: _Times) -> str:
    if not changes:
        return _p("None.")
    lines = [
        (str(one["row"]), one["column"], one["old"], one["new"], one["by"], at(one["at"])) for one in changes
    ]
    return _table(["Row", "Column", "Old", "New", "By", "When"], lines)


def _left_out(left_out: dict[str, Any], at: _Times) -> str:
    if not left_out["count"]:
        return _p("None.")
    lines = [(one["row"], one["why"], one["by"], at(one["at"])) for one in left_out["rows"]]
    return _table(["Row", "Why", "By", "When"], lines, left_out=left_out["count"] - len(lines))


def _notes(notes: Sequence[dict[str, Any]], at: _Times) -> str:
    said = []
    for one in notes:
        about = f" on {one['balance_id']}" if one["balance_id"] else ""
        said.append(_p(f"{one['by']}{about}, {at(one['at'])}", "small") + _p(one["text"], "note"))
    return "".join(said)


def _mapping(mapping: dict[str, Any] | None) -> str:
    if mapping is None:
        return ""
    columns = mapping.get("columns", [])
    lines = [
        (name, one["use"].replace("_", " "), one.get("name") or "")
        for name, one in zip(told_apart([one["header"] for one in columns]), columns, strict=True)
    ]
    for_all = mapping.get("for_all_rows") or {}
    chosen: list[tuple[str, str]] = []
    if for_all.get("ledger_id"):
        chosen.append(("Ledger of all rows", for_all["ledger_id"]))
    if for_all.get("currencies"):
        chosen.append(("Currency of all rows", ", ".join(for_all["currencies"])))
    if mapping.get("match_columns") is not None:
        chosen.append(("Rows are compared by", ", ".join(mapping["match_columns"]) or "nothing more"))
    if mapping.get("identity_key"):
        chosen.append(("Identities are found by", mapping["identity_key"]))
    return _table(["Column", "Read as", "Stored as"], lines) + (_facts(chosen) if chosen else "")


def _happened(happened: Sequence[dict[str, Any]], at: _Times) -> str:
    return _table(["When", "Who", "What"], [(at(one["at"]), one["by"], one["what"]) for one in happened])


def _results(results: dict[str, Any], link: str | None) -> str:
    facts = _facts(
        [
            (
                "File",
                f"{results['file_name']} ({results['bytes']:,} bytes, {plural(results['rows'], 'row')})",
            ),
            ("SHA-256", results["sha256"]),
        ]
    )
    if link is None:
        return facts + _p("The file itself was thrown away since. A copy that you kept still has this sum.")
    return (
        facts
        + _p("The sum is that of the file as it stood; sha256sum on the download gives it again.", "small")
        + f'<p><a class="act" href="{_text(link)}">Download these results</a></p>'
    )
