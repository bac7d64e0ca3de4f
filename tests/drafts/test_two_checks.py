"""Of a file that two machines read at once, the one that was taken for dead writes nothing."""

from typing import Any

import pytest

from blnk_api.drafts import check_draft
from blnk_api.drafts.checking import Known
from blnk_api.drafts.reference_data import known_in_blnk
from blnk_api.errors import ReadFailed
from blnk_api.store.states import RowState, Stage
from tests.support.importer import LEDGER, Importer

FILE = "ledger_id,currency,customer\n" + "".join(f"{LEDGER},NGN,{n}\n" for n in range(3))


@pytest.mark.parametrize("importer", ["sqlite", "postgres"], indirect=True)
def test_a_frozen_check_writes_no_rows_once_another_has_begun(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = importer.upload_alone(FILE)
    begun: list[str] = []

    def other_begins(*args: Any) -> Known:
        """The first check stands still when it asks Blnk; a second begins, and does not get an answer."""
        begun.append("one")
        if len(begun) == 1:
            with pytest.raises(ReadFailed):
                check_draft.prepare(importer.store, importer.settings, draft.id)
            return known_in_blnk(*args)
        raise ReadFailed("Blnk does not answer.")

    monkeypatch.setattr(check_draft, "known_in_blnk", other_begins)
    check_draft.prepare(importer.store, importer.settings, draft.id)
    assert len(begun) == 2
    assert importer.find(draft.id).stage is Stage.CHECKING
    assert importer.rows(draft) == []

    monkeypatch.setattr(check_draft, "known_in_blnk", known_in_blnk)
    check_draft.prepare(importer.store, importer.settings, draft.id)
    assert importer.find(draft.id).stage is Stage.LOOKING
    assert importer.states(draft) == [RowState.READY] * 3
