"""Results as a CSV: what a person gets back, and that a spreadsheet may open it."""

import csv
import io
import tracemalloc
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from blnk_api.imports import results
from blnk_api.imports.journal import Journal, imports, rows
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.rows import NewRow
from blnk_api.imports.journal.states import WORDS, ImportState, RowState
from blnk_api.imports.results import Variant
from blnk_api.settings import Environment, Instance
from tests.conftest import LEDGER

HEADERS = ["ledger_id", "currency", "note"]


def made(
    journal: Journal,
    new: Sequence[NewRow],
    *,
    headers: Sequence[str] = HEADERS,
    environment: Environment = "sandbox",
    file_name: str = "márch.csv",
    mapping: dict[str, Any] | None = None,
) -> Import:
    id = imports.new_id()
    with journal.write() as tx:
        imports.create(
            tx,
            id,
            kind="file",
            instance=Instance("https://blnk.example", "i-1", environment),
            connection="acme",
            who="Ada",
            file_name=file_name,
            shape=orjson.dumps({"headers": headers}).decode(),
            mapping=orjson.dumps(mapping or {"columns": []}).decode(),
        )
        import_ = imports.find(tx, id)
        assert import_ is not None
        rows.insert_rows(tx, import_.number, import_.instance_number, new)
        found = imports.find(tx, id)
    assert found is not None
    return found


def row(
    number: int, state: RowState = RowState.READY, *, cells: Sequence[str] = (LEDGER, "USD", ""), **facts: Any
) -> NewRow:
    return NewRow(number=number, part=facts.pop("part", ""), state=state, cells=cells, **facts)


def read(journal: Journal, import_: Import, variant: Variant = Variant.ALL) -> list[list[str]]:
    data = b"".join(results.stream(journal, import_, variant))
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_persons_columns_come_first_in_their_order_and_then_ours(journal: Journal) -> None:
    import_ = made(
        journal,
        [
            row(2, RowState.CREATED, cells=[LEDGER, "USD", "a"], balance_id="bln_1", ref="v1-x-0"),
            row(3, RowState.REFUSED, cells=[LEDGER, "EUR", "b"], message="Invalid ledger ID"),
        ],
    )
    assert read(journal, import_) == [
        ["ledger_id", "currency", "note", "balance_id", "status", "message", "import_ref"],
        [LEDGER, "USD", "a", "bln_1", "Created", "", "v1-x-0"],
        [LEDGER, "EUR", "b", "", "Refused", "Invalid ledger ID", ""],
    ]


def test_it_opens_in_excel_as_utf_8_with_its_line_ends(journal: Journal) -> None:
    data = b"".join(
        results.stream(journal, made(journal, [row(2, cells=[LEDGER, "USD", "Zoë"])]), Variant.ALL)
    )
    assert data.startswith(b"\xef\xbb\xbfledger_id,")
    assert data.count(b"\r\n") == data.count(b"\n") == 2


def test_no_cell_runs_as_a_formula(journal: Journal) -> None:
    dangerous = ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1"]
    new = [
        row(n, RowState.REFUSED, cells=[LEDGER, "USD", text], message=text)
        for n, text in enumerate(dangerous, 2)
    ]
    import_ = made(journal, new, headers=["ledger_id", "currency", "=note"])
    for record in read(journal, import_):
        for cell in record:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert [record[2] for record in read(journal, import_)[1:]] == [f"'{text}" for text in dangerous]


def test_every_state_stands_in_the_words_of_the_pages_and_the_three_files_hold_what_they_say(
    journal: Journal,
) -> None:
    states = list(RowState)
    import_ = made(journal, [row(n, state) for n, state in enumerate(states, 2)])

    def words(variant: Variant) -> list[str]:
        said = [record[4] for record in read(journal, import_, variant)[1:]]
        assert len(said) == results.count(import_, variant)
        return said

    assert words(Variant.ALL) == [WORDS[state] for state in states]
    assert words(Variant.CREATED) == ["Already existed", "Created"]
    # Rows that may have a balance are in neither: importing them again is not for a person to do blindly.
    assert words(Variant.NOT_CREATED) == ["Invalid", "Not sent", "Left out", "Refused"]


def test_an_invalid_row_says_why(journal: Journal) -> None:
    problems = [
        {"message": "The currency is missing.", "severity": "error"},
        {"message": "Spaces are not sent.", "severity": "note"},
    ]
    [_, record] = read(journal, made(journal, [row(2, RowState.INVALID, problems=problems)]))
    assert record[5] == "The currency is missing."


def test_columns_of_earlier_results_give_way_to_todays(journal: Journal) -> None:
    headers = ["ledger_id", "balance_id", "Status", "note", "message", "import_ref"]
    cells = [LEDGER, "bln_old", "Refused", "n", "old words", "v1-old-0"]
    import_ = made(
        journal,
        [row(2, RowState.CREATED, cells=cells, balance_id="bln_new", ref="v1-new-0")],
        headers=headers,
    )
    assert read(journal, import_) == [
        ["ledger_id", "note", "balance_id", "status", "message", "import_ref"],
        [LEDGER, "n", "bln_new", "Created", "", "v1-new-0"],
    ]


def test_a_record_that_makes_several_balances_has_a_line_for_each_with_its_own_currency(
    journal: Journal,
) -> None:
    mapping = {"columns": [{"position": 1, "header": "currency", "use": "currency", "name": None}]}
    cells = [LEDGER, "USD;EUR", "n"]
    new = [
        row(2, RowState.CREATED, part="USD", cells=cells, balance_id="bln_1"),
        row(2, RowState.REFUSED, part="EUR", cells=cells),
    ]
    import_ = made(journal, new, mapping=mapping)
    assert [record[1] for record in read(journal, import_)] == ["currency", "USD", "EUR"]
    assert [record[1] for record in read(journal, import_, Variant.NOT_CREATED)] == ["currency", "EUR"]


def test_odd_text_survives(journal: Journal) -> None:
    odd = ['say "hi"', "two\nlines", "comma, semicolon;", "\u202e", "é" * 1000, "007", "1e5"]
    import_ = made(journal, [row(n, cells=[LEDGER, "USD", text]) for n, text in enumerate(odd, 2)])
    assert [record[2] for record in read(journal, import_)[1:]] == odd


def test_many_rows_come_page_by_page_in_file_order_with_flat_memory(importer: Any) -> None:
    journal: Journal = importer.journal
    import_ = made(journal, [row(n, cells=[LEDGER, "USD", "x" * 200]) for n in range(2, 20_002)])
    tracemalloc.start()
    numbers = 0
    size = 0
    for piece in results.stream(journal, import_, Variant.ALL):
        numbers += piece.count(b"\r\n")
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers == 20_001
    assert size > 4_000_000
    assert peak < size / 1.5


@pytest.mark.parametrize(
    ("file_name", "begins"),
    [
        ("márch.csv", "márch - "),
        ("../../etc/passwd", "passwd - "),
        ('a"b\\c:d\n.xlsx', "a b c d - "),
        ("", "balance - "),
        ("x" * 300 + ".csv", "x" * 100 + " - "),
    ],
)
def test_the_files_name_is_the_persons_own_and_safe(journal: Journal, file_name: str, begins: str) -> None:
    name = results.file_name(made(journal, [row(2)], file_name=file_name), Variant.ALL)
    assert name.startswith(begins)
    assert name.endswith(".csv")
    assert not set('/\\"\n\r\0') & set(name)


def test_practice_stands_in_the_name_of_every_practice_download(journal: Journal) -> None:
    practice = made(journal, [row(2)], environment="practice")
    real = made(journal, [row(2)], environment="production")
    assert all("PRACTICE" in results.file_name(practice, variant) for variant in Variant)
    assert not any("PRACTICE" in results.file_name(real, variant) for variant in Variant)


def test_the_name_differs_whenever_the_data_may(journal: Journal) -> None:
    import_ = made(journal, [row(2), row(3)])
    names = {results.file_name(import_, variant) for variant in Variant}
    with journal.write() as tx:
        imports.set_facts(tx, import_.number, version=2)
        names.add(results.file_name(imports.by_number(tx, import_.number), Variant.ALL))
        imports.set_facts(tx, import_.number, state=ImportState.DONE)
        names.add(results.file_name(imports.by_number(tx, import_.number), Variant.ALL))
    assert len(names) == 5
