"""The rows of a long file are written by a process of their own, as one process alone would write them."""

import os
import random
from pathlib import Path

import pytest

from blnk_api.common.warm_process import WarmProcess
from blnk_api.drafts import check_process
from blnk_api.errors import ReadFailed
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, Stage
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, wait_until

ROWS = 6_000
FILE = "ledger_id,currency,customer\n" + "".join(f"{LEDGER},NGN,{n}\n" for n in range(ROWS))


@pytest.fixture(params=BOTH_DATABASES)
def importer(request: pytest.FixtureRequest, importer: Importer) -> Importer:
    return importer


@pytest.fixture
def written_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_process, "_LONG_FILE_BYTES", 0)


class Faulty:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._tried = folder / "tried"

    def order(self, fault: str) -> None:
        self._monkeypatch.setenv("CHECK_FAULT", fault)
        self._monkeypatch.setenv("CHECKS_TRIED", str(self._tried))
        checks = WarmProcess("tests.support.check_with_fault")
        self._monkeypatch.setattr(check_process, "_checks", checks)

    @property
    def writers(self) -> list[int]:
        """The process of each write."""
        return [int(pid) for pid in self._tried.read_text().split()]


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written_beside: None) -> Faulty:
    return Faulty(monkeypatch, tmp_path)


def text_of(seed: int, rows: int) -> str:
    """Repeated rows, repeated and missing references, several currencies, wrong cells, lines and blanks."""
    chance = random.Random(seed)
    lines = ["ledger_id,currency,reference,customer,note"]
    for n in range(rows):
        ledger = chance.choice([LEDGER] * 20 + ["Custmer wallets", "", "ldg_gone"])
        money = chance.choice(["NGN"] * 9 + ["NGN;USD", "NGX", "usd"])
        reference = chance.choice([f"R-{n}"] * 6 + ["", "", f"r-{n // 2}", f"R-{n // 3}"])
        customer = chance.choice(["Amaka", "Zoë", '"Lagos, Ikeja"', '"two\nlines"', "ZÃ¼rich", f"c{n}"])
        lines.append(f"{ledger},{money},{reference},{customer},{chance.choice(['', 'x', '#REF!'])}")
        if chance.random() < 0.01:
            lines.append(chance.choice(["", f"{LEDGER},NGN", ",,,,", f"{LEDGER},NGN,a,b,c,d"]))
    return "\n".join(lines)


def told(importer: Importer, draft: Import) -> tuple[object, ...]:
    """All that the check wrote, apart from which import it is of and when."""
    first = importer.rows(draft)[0].id

    def alike(row: StoredRow) -> StoredRow:
        body = row.body and row.body.replace(draft.id.encode(), b"import")
        return row._replace(id=row.id - first, body=body, changed_at=0)

    now = importer.find(draft.id)
    return [alike(row) for row in importer.rows(draft)], now.counts, now.totals, now.stage, now.row_count


@pytest.mark.parametrize(("seed", "rows"), [(1, 40), (2, 3_000), (3, 6_000)])
def test_rows_refs_and_problems_are_those_of_one_process(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, seed: int, rows: int
) -> None:
    results = []
    for bytes_of_a_long_file in (0, 1_000_000_000):
        monkeypatch.setattr(check_process, "_LONG_FILE_BYTES", bytes_of_a_long_file)
        draft = importer.upload_alone(text_of(seed, rows))
        check_process.run(importer.store, importer.settings, draft)
        results.append(told(importer, draft))
    assert results[0] == results[1]
    assert len(importer.rows(draft)) > rows


def test_if_the_writing_process_is_killed_the_check_begins_again_and_no_row_is_doubled(
    importer: Importer, faulty: Faulty
) -> None:
    faulty.order("writer dies")
    draft = importer.upload(FILE, until=lambda one: one.stage not in (Stage.UPLOADED, Stage.CHECKING))
    assert importer.find(draft.id).totals.records == ROWS
    assert [row.number for row in importer.rows(draft)] == list(range(2, ROWS + 2))
    assert len(set(faulty.writers)) == 2


def test_if_the_writing_process_is_killed_each_time_the_file_is_given_up_and_has_no_rows(
    importer: Importer, faulty: Faulty
) -> None:
    faulty.order("writer always dies")
    draft = importer.upload(FILE)
    assert draft.stage is Stage.UNREADABLE
    assert (draft.problem or "").startswith("Reading this file failed. Nothing was sent.")
    assert len(set(faulty.writers)) == 2
    assert importer.rows(draft) == []


def test_if_the_checking_process_is_killed_what_its_writer_still_has_is_not_written_beside_the_next_check(
    importer: Importer, faulty: Faulty
) -> None:
    faulty.order("checker dies")
    draft = importer.upload(FILE, until=lambda one: one.stage not in (Stage.UPLOADED, Stage.CHECKING))
    assert [row.number for row in importer.rows(draft)] == list(range(2, ROWS + 2))
    assert importer.counts(draft) == {RowState.READY: ROWS}
    first, second, *_ = dict.fromkeys(faulty.writers)
    wait_until(
        lambda: is_over(first) and is_over(second), lambda: "a process that writes rows was left behind"
    )


def is_over(pid: int) -> bool:
    """Whether it runs no more. Where nobody collects orphans, one that has ended is still listed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_full_disk_is_told_in_the_same_words_by_either_process(
    importer: Importer, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.order("disk is full")
    words = []
    for bytes_of_a_long_file in (0, 1_000_000_000):
        monkeypatch.setattr(check_process, "_LONG_FILE_BYTES", bytes_of_a_long_file)
        draft = importer.upload_alone(FILE)
        with pytest.raises(ReadFailed) as failed:
            check_process.run(importer.store, importer.settings, draft)
        words.append(str(failed.value))
        assert importer.find(draft.id).stage is Stage.CHECKING
    assert words == ["(sqlite3.OperationalError) database or disk is full"] * 2
    assert os.getpid() not in faulty.writers
