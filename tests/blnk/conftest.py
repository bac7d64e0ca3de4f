"""A Practice that has what every new one has, for tests of single requests to Blnk."""

from collections.abc import Iterator

import pytest

from tests.support.practice import PracticeBlnk


@pytest.fixture(scope="module")
def one_blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("blnk")) as blnk:
        yield blnk


@pytest.fixture
def blnk(one_blnk: PracticeBlnk) -> PracticeBlnk:
    one_blnk.reset()
    return one_blnk
