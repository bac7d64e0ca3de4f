"""Which sheet of a workbook holds the table, and which others someone may have meant."""

from collections.abc import Sequence
from typing import NamedTuple

from blnk_api.common.visible import shown
from blnk_api.facts.file_shape import Flaw
from blnk_api.files import header
from blnk_api.files.limits import FileProblem

HIDDEN = ("hidden", "veryHidden")
_NAMED = 10


class SheetPart(NamedTuple):
    """A sheet as the workbook lists it."""

    name: str
    part: str
    is_hidden: bool
    is_in_front: bool
    """The one that was seen when the workbook was saved."""


class Look(NamedTuple):
    """What the first look at a sheet showed."""

    sheet: SheetPart
    top: list[header.Row]
    """Its first filled rows."""
    last_row: int
    was_cut: bool
    """There is more of it than a first look may read."""

    @property
    def names_our_columns(self) -> bool:
        return any(header.known_uses(cells) >= 2 for _, cells in self.top)

    def has_rows_under(self, headers: Sequence[str]) -> bool:
        """Whether it is a table: a row that names our columns, or these very ones, and another below it."""
        wanted = [name.strip() for name in headers]
        for at, (_, cells) in enumerate(self.top):
            names = [cell.strip() for cell in cells]
            is_alike = len(wanted) > 1 and names[: len(wanted)] == wanted
            if is_alike or header.known_uses(cells) >= 2:
                return at + 1 < len(self.top) or self.was_cut
        return False


def choose(looks: Sequence[Look], said: str | None) -> Look:
    """The sheet that a person named; else the first that names our columns, has a header, or is filled.

    `looks` come with the likeliest sheet first. Raises FileProblem.
    """
    filled = [look for look in looks if look.top and said in (None, look.sheet.name)]
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


def others(looks: Sequence[Look], chosen: Look, headers: Sequence[str], *, was_said: bool) -> list[Flaw]:
    """What to tell of the chosen sheet and of those that are left unread."""
    told = []
    name = shown(chosen.sheet.name)
    if chosen.sheet.is_hidden:
        message = f"The sheet “{name}” is hidden in the workbook, but it is the sheet that is read."
        told.append(Flaw("hidden_sheet", None, message, "warning"))
    tables = [look.sheet for look in looks if look is not chosen and look.has_rows_under(headers)]
    if tables and not was_said:
        named = ", ".join(
            f"“{shown(one.name)}”" + (" (hidden)" if one.is_hidden else "") for one in tables[:_NAMED]
        )
        more = f" and {len(tables) - _NAMED:,} more" if len(tables) > _NAMED else ""
        looks_so, it = ("another sheet looks", "it") if len(tables) == 1 else ("other sheets look", "each")
        message = (
            f"Only the sheet “{name}” is read. In this workbook {looks_so} like a table of balances too: "
            f"{named}{more}. Import {it} separately if its rows are needed."
        )
        told.append(Flaw("sheet_not_read", None, message, "warning"))
    return told
