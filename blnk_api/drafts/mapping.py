"""Maps columns: the use of each column of a file, guessed, chosen by a person, stored with the import."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from blnk_api import currencies
from blnk_api.common.name_matching import normalized
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import ONE_COLUMN_EACH, ColumnUse, Mapping, Use
from blnk_api.files.column_names import is_formula_error, metadata_name, plain, recognise
from blnk_api.files.formula_guard import unguard_cell
from blnk_api.models import IMPORT_ID, IMPORT_REF

FINDABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""The metadata names that Blnk's filters can search for."""

_OWN = {
    "balanceid": Use.BALANCE_ID,
    "status": Use.STATUS,
    "message": Use.MESSAGE,
    "importref": Use.IMPORT_REF,
    "importrow": Use.IMPORT_ROW,
}
_LEDGER_ID = re.compile(r"ldg_\S+|general_ledger_id")
_IDENTITY_ID = re.compile(r"idt_\S+")


def guess(shape: FileShape) -> Mapping:
    """Guesses the use of the columns from their headers and, if those are unclear, from the values."""
    values = [_values(shape, at) for at in range(len(shape.headers))]
    uses: dict[int, Use] = {}
    own = _own_columns(shape.headers)
    for at, header in enumerate(shape.headers):
        if plain(header) in ("balanceid", "importref", "importrow"):
            uses[at] = Use.IGNORE
    uses |= own
    for use in (*ONE_COLUMN_EACH, Use.REFERENCE):
        named = [at for at, header in enumerate(shape.headers) if (recognise(header) or (None,))[0] is use]
        if use is Use.REFERENCE:
            named = [at for at in named if _mostly_different(values[at])]
        best = min(named, key=lambda at: _preference(shape.headers[at], values[at]), default=None)
        if best is not None:
            same = plain(shape.headers[best])
            uses |= {at: use for at in named if at == best or plain(shape.headers[at]) == same}
    for use in (Use.LEDGER, Use.CURRENCY, Use.IDENTITY):
        if use not in uses.values():
            free = (at for at in range(len(values)) if at not in uses and _speaks_of(use, values[at]))
            if (first := next(free, None)) is not None:
                uses[first] = use
    taken: dict[str, str] = {}
    columns = []
    for at, header in enumerate(shape.headers):
        header = unguard_cell(header) if own else header
        is_named = bool(header) and not is_formula_error(header)
        use = uses.get(at, Use.METADATA if is_named else Use.IGNORE)
        name = stored_name(header, taken) if use in (Use.METADATA, Use.REFERENCE) else None
        columns.append(ColumnUse(position=at, header=shape.headers[at], use=use, name=name))
    return Mapping(columns=tuple(columns))


def _own_columns(headers: Sequence[str]) -> dict[int, Use]:
    """The columns that results files add; the last of each name, because a file may have its own `status`
    column.

    Without an import_ref or import_row it is not a results file, and only a balance_id counts: it says what
    exists.
    """
    last = {plain(header): at for at, header in enumerate(headers)}
    names = _OWN if {"importref", "importrow"} & set(last) else ("balanceid",)
    return {last[name]: _OWN[name] for name in names if name in last}


def _values(shape: FileShape, at: int) -> list[str]:
    return [text for record in shape.samples if (text := record.cells[at].strip())]


def _mostly_different(values: Sequence[str]) -> bool:
    return not values or len(set(values)) > len(values) * 0.6


def _preference(header: str, values: Sequence[str]) -> tuple[bool, int]:
    """Ids before names if a file has both, then the most obvious spelling."""
    ids = sum(bool(_LEDGER_ID.fullmatch(value) or _IDENTITY_ID.fullmatch(value)) for value in values)
    found = recognise(header)
    return ids * 2 <= len(values), found[1] if found else 99


def _speaks_of(use: Use, values: Sequence[str]) -> bool:
    if use is Use.LEDGER:
        hits = sum(bool(_LEDGER_ID.fullmatch(value)) for value in values)
    elif use is Use.IDENTITY:
        hits = sum(bool(_IDENTITY_ID.fullmatch(value)) for value in values)
    else:
        hits = sum(len(value) == 3 and currencies.name_of(value) is not None for value in values)
    return bool(values) and hits >= len(values) * 0.8


def stored_name(header: str, taken: dict[str, str]) -> str:
    """The metadata name of a column. Filters can search for it if the header's letters allow that.

    `taken` are the names so far with their headers. Two different headers never share a name.
    """
    name = metadata_name(header) or header
    if not FINDABLE.fullmatch(name):
        letters = "".join(c for c in normalized("NFKD", name) if not unicodedata.combining(c))
        tidy = re.sub(r"[^0-9A-Za-z]+", "_", letters).strip("_")
        if all(c.isascii() or not c.isalnum() for c in letters) and FINDABLE.fullmatch(tidy):
            name = tidy
    if name in (IMPORT_REF, IMPORT_ID):
        name = f"file_{name}"
    if name in taken and plain(taken[name]) != plain(header):
        name = next(f"{name}_{n}" for n in range(2, 1_000) if f"{name}_{n}" not in taken)
    taken.setdefault(name, header)
    return name


def fingerprint(headers: Sequence[str]) -> str:
    """Equal for files with the same columns in any order, and for their results files.

    Used to offer a saved mapping.
    """
    own = _own_columns(headers)
    theirs = (header for at, header in enumerate(headers) if header and at not in own)
    names = "\n".join(sorted(map(_alike, theirs)))
    return hashlib.sha256(names.encode("utf-8", "replace")).hexdigest()[:32]


def adopt(saved: Mapping, shape: FileShape) -> Mapping:
    """Applies a saved mapping to a file with the same headers, wherever its columns are now."""
    left = list(saved.columns)
    guessed = guess(shape)
    known: dict[int, ColumnUse] = {}
    # Exact spelling first: "Currency" and "currency" each keep their own use.
    for key in (_same, _alike):
        for column in guessed.columns:
            old = next((one for one in left if key(one.header) == key(column.header)), None)
            if column.position not in known and old is not None:
                left.remove(old)
                known[column.position] = old
    columns = []
    for column in guessed.columns:
        found = known.get(column.position)
        if found is not None:
            column = found.model_copy(update={"position": column.position, "header": column.header})
        columns.append(column)
    return saved.model_copy(update={"columns": tuple(columns)})


def _same(header: str) -> str:
    return header


def _alike(header: str) -> str:
    return " ".join(header.split()).casefold()
