"""Every row becomes exactly one balance, whatever Blnk answers. Truth is what the practice Blnk holds."""

from blnk_api.imports.journal.states import ImportState, RowState
from tests.importing import Importer, requests_for
from tests.practice import PracticeBlnk


def test_every_row_becomes_one_balance(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    done = importer.run(requests_for(250))
    assert importer.states(done) == [RowState.CREATED] * 250
    assert practice_blnk.refs() == sorted(row.ref or "" for row in importer.rows(done))
    held = {balance["balance_id"] for balance in practice_blnk.balances()}
    assert held == {row.balance_id for row in importer.rows(done)}


def test_a_row_whose_answer_was_lost_is_created_once(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    practice_blnk.order_fault("drop_after_commit", times=1, skip=1)
    done = importer.run(requests_for(3))
    assert len(practice_blnk.refs()) == 3
    assert importer.states(done) == [RowState.CREATED] * 3
