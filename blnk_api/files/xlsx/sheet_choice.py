"""Chooses the sheet of a workbook that holds the table, and lists others that may have been meant."""

from collections.abc import Sequence
from typing import NamedTuple

from blnk_api.common.invisible_characters import bare
from blnk_api.common.quoting import shown
from blnk_api.currencies import name_of
from blnk_api.facts.file_shape import Flaw
from blnk_api.files import header
from blnk_api.files.limits import FileProblem

HIDDEN = ("hidden", "veryHidden")
_NAMED = 10


class SheetPart(NamedTuple):
    """A sheet in the workbook's list."""

    name: str
    part: str
    is_hidden: bool
    is_in_front: bool
    """Whether the sheet was active when the workbook was saved."""


class Look(NamedTuple):
    """What the preview of a sheet found."""

    sheet: SheetPart
    top: list[header.Row]
    """Its first filled rows."""
    last_row: int
    was_cut: bool
    """Whether it has more rows than the preview may read."""

    @property
    def names_our_columns(self) -> bool:
        return any(header.known_uses(cells) >= 2 for _, cells in self.top)

    def has_rows_under(self, headers: Sequence[str]) -> bool:
        """Whether it is a table: a row with known column names, or with these headers, and another row below
        it."""
        wanted = {name for name in headers if name}
        for at, (_, cells) in enumerate(self.top):
            is_alike = len(wanted) > 1 and wanted <= {bare(cell) for cell in cells}
            if is_alike or header.known_uses(cells) >= 2:
                return at + 1 < len(self.top) or self.was_cut
        return False

    def continues(self, other: "Look", headers: Sequence[str]) -> bool:
        """Whether it has more rows of another sheet, without the column names: most of its rows have values
        of the other sheet's rows, or a currency, in two columns or more."""
        known = {(at, bare(cell)) for _, cells in other.top for at, cell in enumerate(cells)}
        money = header.currency_columns(headers)
        alike = [
            sum(
                (at, value) in known or (at in money and name_of(value) is not None)
                for at, cell in enumerate(cells)
                if (value := bare(cell))
            )
            for _, cells in self.top
        ]
        return sum(count >= 2 for count in alike) * 2 > len(alike)


def choose(looks: Sequence[Look], chosen_name: str | None) -> Look:
    """The sheet that a person named; otherwise the first with known column names, with a header, or with any
    content.

    `looks` start with the likeliest sheet. Raises FileProblem.
    """
    filled = [look for look in looks if look.top and chosen_name in (None, look.sheet.name)]
    if not filled:
        if any(look.was_cut for look in looks):
            raise FileProblem(
                "empty_above",
                "The first rows of the workbook are all empty. Delete the empty rows above your table, or "
                "save the table as CSV.",
            )
        raise FileProblem("empty", "The workbook is empty. Choose another file, or save this one again.")
    for is_likely in (
        lambda look: look.names_our_columns,
        lambda look: header.find_header(look.top) is not None,
    ):
        for look in filled:
            if is_likely(look):
                return look
    return filled[0]


def others(looks: Sequence[Look], chosen: Look, headers: Sequence[str], *, was_chosen: bool) -> list[Flaw]:
    """Notes about the chosen sheet and the sheets that are not read."""
    flaws = []
    name = shown(chosen.sheet.name)
    if chosen.sheet.is_hidden:
        message = f"The sheet “{name}” is hidden in the workbook, but it is the sheet that is read."
        flaws.append(Flaw("hidden_sheet", None, message, "warning"))
    tables = [
        look.sheet
        for look in looks
        if look is not chosen
        # A hidden sheet without column names holds the choices of a drop-down list.
        and (look.has_rows_under(headers) or (not look.sheet.is_hidden and look.continues(chosen, headers)))
    ]
    if tables and not was_chosen:
        named = ", ".join(
            f"“{shown(one.name)}”" + (" (hidden)" if one.is_hidden else "") for one in tables[:_NAMED]
        )
        more = f" and {len(tables) - _NAMED:,} more" if len(tables) > _NAMED else ""
        looks_so, it = ("another sheet looks", "it") if len(tables) == 1 else ("other sheets look", "each")
        message = (
            f"Only the sheet “{name}” is read. In this workbook {looks_so} like a table of balances too: "
            f"{named}{more}. Import {it} separately if its rows are needed."
        )
        flaws.append(Flaw("sheet_not_read", None, message, "warning"))
    return flaws
