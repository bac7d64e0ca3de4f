"""What a person does about rejected rows in a round: fixes them in another import, and confirms it."""

import orjson

from blnk_api.access.actors import Actor
from blnk_api.lookup import refs
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store import Store, import_acts, import_changes, imports, rows
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import superseded
from blnk_api.store.states import RowState, Stage
from tests.bench.trial_plan import GONE, LEDGER


def fix(store: Store, source: Import, *, who: Actor, confirms: bool) -> str:
    """Every second row is sent again as it was, the others with another value, or a ledger that exists.
    Returns the id of their import, which stays a draft if someone else has to approve it."""
    id = imports.new_id()
    with store.write() as tx:
        rejected = rows.page(tx, source.number, states=[RowState.REFUSED], limit=100_000)
        import_changes.create(
            tx, id, kind="file", instance=source.instance, connection=source.connection, who=who,
            file_name="fixes.csv", fixes=source.number, stage=Stage.CHECKED,
        )  # fmt: skip
        made = imports.find(tx, id)
        assert made is not None
        moved = set(superseded.supersede(tx, [row.id for row in rejected], by=made.number))
        new = [_fixed(row, id) for row in rejected if row.id in moved]
        checked_rows.insert_rows(tx, made.number, made.instance_number, new)
        if confirms:
            assert import_acts.confirm(tx, made, who=who, version=made.version)
    return id


def _fixed(row: StoredRow, import_id: str) -> NewRow:
    asked = orjson.loads(row.body or b"{}")
    ref, old = row.ref or "", refs.parse_ref(row.ref or "")
    if row.number % 2 or asked["ledger_id"] == GONE:
        asked["ledger_id"] = LEDGER
        asked["meta_data"] |= {"fixed": import_id}
        assert old is not None
        ref = refs.make_ref(refs.content_hash(asked), old.occurrence)
    asked["meta_data"] |= {IMPORT_REF: ref, IMPORT_ID: import_id}
    return NewRow(
        number=row.number, part=row.part, state=RowState.READY, cells=row.cells,
        ledger_id=asked["ledger_id"], currency=row.currency, body=orjson.dumps(asked), ref=ref,
    )  # fmt: skip
