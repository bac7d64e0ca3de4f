"""The form's single balance: checked like a file with one record, and kept as an import with one row.

Nothing here sends. The page chooses the id first, so that doing something twice has the effect of once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.blnk import endpoints
from blnk_api.common.invisible_characters import bare
from blnk_api.common.quoting import shown
from blnk_api.drafts import mapping_problems
from blnk_api.drafts.checking import CheckedRow, Checker, Known, KnownIndicator
from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.facts.mapping import ColumnUse, Use
from blnk_api.facts.mapping import Mapping as ColumnMapping
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import LedgerTotal, Totals
from blnk_api.lookup import refs
from blnk_api.models import IMPORT_ID, IMPORT_REF, BalanceRequest
from blnk_api.settings import Connection
from blnk_api.store import Store, import_changes, imports
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, Stage


class Wrong(NamedTuple):
    """What is missing or wrong in a field of the form, and what to do."""

    field: str
    """A `Use`, or `pair_field(n)` for the nth pair of metadata, counted from 0."""
    sentence: str


def pair_field(at: int) -> str:
    return f"metadata-{at}"


class Incomplete(Exception):
    """A form that is not a complete balance. `wrong` lists the reasons without repeats."""

    def __init__(self, wrong: Iterable[Wrong]) -> None:
        self.wrong = list(dict.fromkeys(wrong))
        self.sentences = list(dict.fromkeys(one.sentence for one in self.wrong))
        super().__init__(" ".join(self.sentences))


Taken = Callable[[str], Mapping[str, KnownIndicator]]
"""Looks up an indicator: returns the balances that already have it, by indicator, space and currency."""


def balance_request(
    *,
    ledger_id: str | None,
    currency: str | None,
    identity_id: str | None = None,
    indicator: str = "",
    track_fund_lineage: bool = False,
    allocation_strategy: str = "",
    meta_data: Iterable[tuple[str, str]] = (),
    custom_currencies: Iterable[str] = (),
    taken: Taken = lambda _: {},
) -> BalanceRequest:
    """The request of a filled-in form, by the same rules as rows of files. Raises Incomplete.

    Ids are not checked: they were chosen from Blnk's lists, or only Blnk can check them. `taken` is called
    for a complete balance with an indicator.
    """
    fields = (
        (Use.LEDGER, ledger_id or ""),
        (Use.CURRENCY, currency or ""),
        (Use.IDENTITY, identity_id or ""),
        (Use.INDICATOR, indicator),
        (Use.LINEAGE, "true" if track_fund_lineage else ""),
        (Use.ALLOCATION_STRATEGY, allocation_strategy),
    )
    filled = [(at, name.strip(), text) for at, (name, text) in enumerate(meta_data) if name.strip() or text]
    pairs = [(name, text) for _, name, text in filled]
    cells = [text for _, text in (*fields, *pairs)]
    headers = [*(use.value for use, _ in fields), *(name for name, _ in pairs)]
    places = [*(use.value for use, _ in fields), *(pair_field(at) for at, _, _ in filled)]
    shape = FileShape(kind="csv", header_row=1, headers=headers)
    uses = [*(use for use, _ in fields), *(Use.METADATA for _ in pairs)]
    wrong_names = _errors(mapping_problems.problems(_read_as(headers, uses, headers), shape))
    # Wrong names are reported; the values under them are checked anyway.
    names = [str(at) for at in range(len(headers))] if wrong_names else headers
    known = Known(
        ledgers={bare(ledger_id or ""): ""}, identities={bare(identity_id or ""): ""}, readable=False
    )

    def checked(known: Known) -> list[CheckedRow]:
        read_as = _read_as(headers, uses, names)
        checker = Checker(shape, read_as, known, custom_currencies, may_hold_totals=False)
        return checker.check(Record(1, cells))

    found = checked(known)
    request = found[0].request
    if request is not None and "indicator" in request:
        found = checked(known.model_copy(update={"indicators": dict(taken(request["indicator"]))}))

    def in_form(problem: Problem) -> Wrong:
        at = len(places) - 1 if problem.position is None else problem.position
        return Wrong(places[at], _in_the_form(problem, cells))

    wrong = [in_form(problem) for row in found for problem in _errors(row.problems)]
    wrong += [
        in_form(problem)
        for problem in sorted(wrong_names, key=lambda one: one.position or 0)
        if problem.column
        or problem.kind != "duplicate_column"  # values without a name are reported one by one
    ]
    if len(found) > 1:
        wrong.append(Wrong(Use.CURRENCY, "Choose one currency: the form creates one balance."))
    if wrong or request is None:
        raise Incomplete(wrong)
    return BalanceRequest.model_validate(request)


def _read_as(headers: Sequence[str], uses: Sequence[Use], names: Sequence[str]) -> ColumnMapping:
    """The fields as columns. `names` are those of metadata."""
    return ColumnMapping(
        columns=tuple(
            ColumnUse(position=at, header=header, use=use, name=name if use is Use.METADATA else None)
            for at, (header, use, name) in enumerate(zip(headers, uses, names, strict=True))
        )
    )


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


_FORMS_OWN = {
    "missing_ledger": "Choose the ledger.",
    "missing_currency": "Choose the currency.",
    "row_too_long": "The metadata is larger than 5 MB, which Blnk does not accept.",
}


def _in_the_form(problem: Problem, cells: list[str]) -> str:
    """The problem in the words of the form, where a file's sentence mentions rows and columns."""
    match problem.kind:
        case "no_metadata_name":
            return f"Give the metadata value “{shown(cells[problem.position or 0])}” a name."
        case "duplicate_column":
            return f"The metadata name “{shown(problem.column)}” appears twice. Keep one."
    return _FORMS_OWN.get(problem.kind, problem.message)


def make_draft(
    store: Store,
    *,
    id: str,
    connection: Connection,
    who: Actor,
    request: BalanceRequest,
    again: bool = False,
) -> bool:
    """Creates an import with one row, checked and ready to confirm. Returns whether it was created by this
    call.

    `again`: a balance like this exists and another is wanted, so its ref must differ.
    """
    who.require(Act.CREATE_ONE, connection.instance)
    fields = request.model_dump(exclude_none=True)
    ref = refs.make_ref(refs.content_hash(fields), 0, id if again else None)
    sent = [("ledger_id", request.ledger_id), ("currency", request.currency)]
    sent += [("identity_id", request.identity_id)] if request.identity_id else []
    sent += [(name, str(value)) for name, value in request.meta_data.items()]
    shape = FileShape(kind="csv", header_row=1, headers=[name for name, _ in sent])
    to_create = LedgerTotal(ledger_id=request.ledger_id, name="", currency=request.currency, n=1)
    totals = Totals(records=1, balances=1, invalid=0, existing=0, by_ledger=(to_create,))
    with store.write() as tx:
        made = import_changes.create(
            tx,
            id,
            kind="form",
            instance=connection.instance,
            connection=connection.name,
            who=who,
            stage=Stage.CHECKED,
            shape=shape,
            totals=totals,
        )
        if not made:
            return False
        import_ = imports.find(tx, id)
        assert import_ is not None
        row = NewRow(
            number=1,
            part="",
            state=RowState.READY,
            cells=[text for _, text in sent],
            ledger_id=request.ledger_id,
            currency=request.currency,
            body=endpoints.create_balance(request, ref=ref, import_id=id),
            ref=ref,
        )
        checked_rows.insert_rows(tx, import_.number, import_.instance_number, [row])
    return True


def request_of(row: StoredRow) -> BalanceRequest:
    """The request of a form's row, without our metadata keys."""
    body = orjson.loads(row.body or b"{}")
    meta_data = {k: v for k, v in body.pop("meta_data", {}).items() if k not in (IMPORT_REF, IMPORT_ID)}
    return BalanceRequest(**body, meta_data=meta_data)
