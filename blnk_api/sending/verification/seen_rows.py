"""Which rows of an import a verification has met in Blnk, in a byte of memory for each."""

from blnk_api.store.transitions import IDS_PER_STATEMENT


class SeenRows:
    """The row ids that were seen. The ids of one import are close together."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._bits = bytearray(last - first + 1)
        self.witness: str | None = None
        """The balance of one of them."""

    def add(self, id: int) -> None:
        self._bits[id - self._first] = 1

    def missed(self, after: int) -> list[int]:
        """The next ids after this one that were not seen: some of them, none at the end. Those that were are
        passed over without asking the store for them, which takes long for a million."""
        ids: list[int] = []
        at = max(0, after + 1 - self._first)
        while len(ids) < IDS_PER_STATEMENT and (at := self._bits.find(0, at)) >= 0:
            ids.append(self._first + at)
            at += 1
        return ids
