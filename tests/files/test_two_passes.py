"""A file is read once where its records can be kept, and its second reading gives the same as the first."""

from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.files import two_passes
from blnk_api.files.two_passes import TwoPasses


def test_the_records_of_a_short_text_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("ledger,currency\nldg_1,USD\n,\nldg_2\n")
    with TwoPasses(path, files.detect(path, path.name), tmp_path) as file:
        first = list(file.first())
        path.unlink()
        assert list(file.again()) == first
    assert [one.number for one in first] == [2, 4]
    assert [bool(one.problems) for one in first] == [False, True]


def test_a_longer_one_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_passes, "_FEW_BYTES", 10)
    path = tmp_path / "long.csv"
    path.write_text("ledger,currency\nldg_1,USD\n,\nldg_2\n")
    with TwoPasses(path, files.detect(path, path.name), tmp_path) as file:
        first = list(file.first())
        assert list(file.again()) == first
        path.unlink()
        with pytest.raises(FileNotFoundError):
            next(file.again())
