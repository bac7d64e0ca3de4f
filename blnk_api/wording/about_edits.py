"""Describes a person's act in a draft afterwards."""

from collections.abc import Sequence

from blnk_api.common.quoting import shown
from blnk_api.store.people.edits import LEFT_OUT, RecordedEdit
from blnk_api.wording.about_files import row_labels
from blnk_api.wording.phrases import listed, plural

_LABELS = 8


def sentence(edits: Sequence[RecordedEdit], columns: Sequence[str]) -> str:
    """ "Custmer wallets → Customer wallets in ledger · rows 8, 20, 32 and 44" """
    numbers = list(dict.fromkeys(one.number for one in edits))
    where = f"{'row' if len(numbers) == 1 else 'rows'} {row_labels(numbers[:_LABELS], len(numbers))}"
    if edits[0].position is None:
        return f"{'Skipped' if edits[0].new == LEFT_OUT else 'Included'} {where}"
    changes = {(one.old, one.new) for one in edits}
    places = sorted({one.position for one in edits if one.position is not None})
    called = listed([columns[at] for at in places if at < len(columns)][:3])
    if len(changes) == 1:
        old, new = next(iter(changes))
        return f"{shown(old) or 'Empty'} → {shown(new) or 'empty'} in {called} · {where}"
    return f"Changed {plural(len(edits), 'cell')} in {called} · {where}"
