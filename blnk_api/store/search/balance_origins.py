"""The row, import or file that a balance, a ref or a file came from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from blnk_api.settings import Instance
from blnk_api.store import imports as all_imports
from blnk_api.store.imports import ALL, Import, first_of, import_of
from blnk_api.store.rows import StoredRow, by_id
from blnk_api.store.search import row_blocks
from blnk_api.store.states import RowState
from blnk_api.store.tables import imports, instances, is_one_of, rows

_ONE_STATE = [RowState.CREATED]


@dataclass(frozen=True)
class BalanceOrigin:
    """The row that created a balance, and its import."""

    import_: Import
    row: StoredRow


def makers_of(
    tx: Connection,
    balance_id: str,
    instance: Instance | None = None,
    *,
    among: Collection[int] | None = None,
) -> list[BalanceOrigin]:
    """The rows that created this balance: one, unless several instances use the same ids. `among`: numbers of
    the instances that may be seen, or None for all."""
    known = select(instances.c.id)
    if among is not None:
        known = known.where(instances.c.id.in_(list(among)))
    if instance is not None:
        known = known.where(
            instances.c.base_url == instance.base_url,
            instances.c.instance_id == instance.instance_id,
            instances.c.environment == instance.environment,
        )
    numbers = list(tx.execute(known).scalars())
    found = tx.execute(
        select(rows.c.id, rows.c.import_).where(
            rows.c.instance.in_(numbers), rows.c.balance_id == balance_id, is_one_of(rows, _ONE_STATE)
        )
    ).all()
    return [BalanceOrigin(all_imports.by_number(tx, one.import_), by_id(tx, one.id)) for one in found]


def row_of_ref(tx: Connection, import_: Import, ref: str) -> StoredRow | None:
    """The row of an import whose balance carries this ref, whatever the state of the row."""
    found = tx.execute(
        select(rows.c.id).where(row_blocks.of_imports(tx, [import_.number]), rows.c.ref == ref).limit(1)
    ).scalar()
    return None if found is None else by_id(tx, found)


_RECENT = 500


def with_refs(tx: Connection, instance: int, refs: Sequence[str]) -> Import | None:
    """The newest of an instance's recent files with a row that has one of these refs."""
    recent = (
        select(imports.c.number)
        .where(imports.c.instance == instance, imports.c.kind == "file")
        .order_by(imports.c.number.desc())
        .limit(_RECENT)
    )
    holds = select(rows.c.id).where(
        rows.c.import_ == imports.c.number, row_blocks.any_block(tx, recent), rows.c.ref.in_(refs)
    )
    return first_of(
        tx,
        ALL.where(imports.c.number.in_(recent), holds.exists()).order_by(imports.c.number.desc()).limit(1),
    )


def of_same_file(tx: Connection, draft: Import) -> list[Import]:
    """Confirmed imports of exactly the draft's file into its instance, newest first. Imports that fix rows
    are not included."""
    if draft.file_sha256 is None:
        return []
    query = ALL.where(
        imports.c.file_sha256 == draft.file_sha256,
        imports.c.instance == draft.instance_number,
        imports.c.confirmed_at.is_not(None),
        imports.c.fixes.is_(None),
        imports.c.number != draft.number,
    )
    return [import_of(tx, one) for one in tx.execute(query.order_by(imports.c.number.desc()))]
