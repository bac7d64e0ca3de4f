"""Results files as people download them and upload them again."""

from typing import Any

import pytest

from blnk_api.reports import results
from blnk_api.reports.results import FileKind, Variant
from blnk_api.store.imports import Import
from tests.support.importer import Importer

KINDS = pytest.mark.parametrize("kind", list(FileKind))


def upload(importer: Importer, name: str, data: bytes, **chosen: Any) -> Import:
    """A file's draft, checked."""
    draft = importer.upload_alone(data, name=name, **chosen)
    importer.start()
    return importer.wait_until_checked(draft)


def results_of(importer: Importer, import_: Import, variant: Variant, kind: FileKind) -> bytes:
    if kind is FileKind.CSV:
        return b"".join(results.stream(importer.store, import_, variant))
    with results.workbook(importer.store, import_, variant, importer.data_dir) as made:
        return made.read()
