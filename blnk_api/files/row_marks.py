"""Identifies the row and import of a line in a results file, even if the row never got an import_ref."""

import re
from typing import NamedTuple, Self

_MARK = re.compile(r"(imp_[0-9a-z_-]{1,60}):([0-9]{1,8})(?:\u00b7(\S{1,300}))?")


class Mark(NamedTuple):
    """`number` is the record's number in the imported file, with the header as 1. `part` is its currency, if
    the record made several balances."""

    import_id: str
    number: int
    part: str = ""

    def __str__(self) -> str:
        """As in the column import_row: imp_3f…:12, or imp_3f…:12\u00b7USD."""
        return f"{self.import_id}:{self.number}" + (f"\u00b7{self.part}" if self.part else "")

    @classmethod
    def read(cls, text: str) -> Self | None:
        found = _MARK.fullmatch(text.strip())
        return None if found is None else cls(found[1], int(found[2]), found[3] or "")
