"""Whatever bytes come: each file is read or refused with a sentence. Nothing else escapes, nothing hangs.

`files` is used by the benchmark too, with thousands of files in place of hundreds.
"""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.broken_files import LEDGER, TROUBLE, files, swallow
from tests.support.examples import most


def test_mutated_samples_are_read_or_rejected(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    came_of = set()
    for name, data in files(300, seed=20261122):
        path.write_bytes(data)
        came_of.add(swallow(path, name))
    assert {"read", "damaged", "not_a_table"} <= came_of


@given(st.binary(max_size=600), st.sampled_from(["a.csv", "a.xlsx", "a.xls", ""]))
@settings(
    max_examples=most(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_read_or_rejected(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(data)
    swallow(path, name)


words = st.sampled_from(
    [
        LEDGER,
        "USD",
        "usd;NGN",
        "Customer wallets",
        "customer walets",
        "@Fees",
        "true",
        "bln_1",
        "Refused",
        "v1-",
    ]
)
pieces = st.one_of(words, st.sampled_from([t.decode("latin-1") for t in TROUBLE]), st.text(max_size=5))


@given(st.lists(st.lists(pieces, max_size=9), max_size=9), st.sampled_from(",;\t|"))
@settings(
    max_examples=most(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_rows_below_a_valid_header_are_read_or_rejected(
    tmp_path: Path, rows: list[list[str]], delimiter: str
) -> None:
    names = [
        "ledger",
        "currency",
        "identity",
        "indicator",
        "lineage",
        "reference",
        "balance_id",
        "import_ref",
        "",
    ]
    path = tmp_path / "upload"
    lines = [delimiter.join(cells) for cells in (names, *rows)]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    swallow(path, "a.csv")
