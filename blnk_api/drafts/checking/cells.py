"""The meaning of a single cell: a ledger, an identity, currencies, yes or no. Cached by value."""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Generic, TypeVar

from blnk_api import currencies
from blnk_api.common.invisible_characters import INVISIBLE, bare
from blnk_api.common.name_matching import fold
from blnk_api.common.quoting import shown
from blnk_api.currencies import Finding
from blnk_api.drafts.checking.known_in_blnk import Known
from blnk_api.models import GENERAL_LEDGER_ID

T = TypeVar("T")
Answer = tuple[T | None, tuple[Finding, ...]]
"""The meaning of the cell, or None if it has none that can be sent, and what to say about it."""

_KEPT_ANSWERS = 100_000
_SUGGESTIONS = 300
"""How many different wrong values get a "did you mean". Each takes some milliseconds."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BLNK_ID = re.compile(r"(ldg|idt|bln|acc|txn|rcn|apikey)_\S*", re.IGNORECASE)
_TRUE = frozenset({"yes", "y", "1", "on", "x", "wahr", "ja", "vrai", "oui", "verdadero", "sí", "si"})
_FALSE = frozenset({"no", "n", "0", "off", "falsch", "nein", "faux", "non", "falso"})


class Kept(dict[str, T], Generic[T]):
    """Answers by cell text, each computed once. The cache is emptied when it becomes too large."""

    def __init__(self, answer: Callable[[str], T]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, text: str) -> T:
        if len(self) >= _KEPT_ANSWERS:
            self.clear()
        found = self[text] = self._answer(text)
        return found


class Names:
    """Finds a ledger or an identity by id or name."""

    def __init__(
        self,
        what: str,
        prefix: str,
        ids: dict[str, str],
        names: dict[str, list[str]],
        readable: bool,
        tokenized: Sequence[str] = (),
    ) -> None:
        self._tokenized = tokenized
        self._what = what
        self._article = "an" if what[0] in "aeiou" else "a"
        self._ids = ids
        self._exact: defaultdict[str, list[str]] = defaultdict(list)
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._readable = readable
        self._own = re.compile(f"{prefix}_{_UUID}")
        self._prefix = prefix
        for name, those in (*names.items(), *((name, [id_]) for id_, name in ids.items())):
            for kept, spelled in ((self._exact, name), (self._names, fold(name))):
                listed = kept[spelled]
                listed += [id_ for id_ in those if id_ not in listed]
        self._suggestions = 0
        self.unchecked = False
        """Whether an id was accepted unchecked, because nothing may be read."""

    def find(self, text: str) -> Answer[str]:
        """The id for the text of a filled cell."""
        value = bare(text)
        what = "Spaces" if text.strip() == value else "Invisible characters"
        note = self._note("whitespace_trimmed", f"{what} around “{shown(value)}”")
        trimmed = () if value == text else (note,)
        if value in self._ids:
            return value, trimmed
        if found := _BLNK_ID.fullmatch(value):
            return self._by_id(value, found[1].lower(), trimmed)
        if not self._readable:
            message = (
                f"“{shown(value)}” cannot be looked up without read permission. Enter the {self._what}'s id."
            )
            return None, (Finding(f"unknown_{self._what}", "error", message),)
        ids = self._exact.get(value) or self._names.get(fold(value), [])
        if len(ids) == 1:
            name = self._ids.get(ids[0], value)
            composed = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", value)
            if not composed and fold(name) == fold(value):
                note = self._note(
                    f"{self._what}_name_case", f"“{shown(value)}” is read as “{shown(name)}”", name
                )
                return ids[0], (note,)
            return ids[0], trimmed
        if ids:
            listed = ", ".join(sorted(ids)[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
            message = (
                f"{len(ids)} matches for the name “{shown(value)}”: {listed}. Enter the id of the one you "
                "mean."
            )
            return None, (Finding(f"ambiguous_{self._what}", "error", message),)
        return None, (self._unknown(value),)

    def _by_id(self, value: str, prefix: str, trimmed: tuple[Finding, ...]) -> Answer[str]:
        if value.lower() in self._ids:
            note = self._note("id_case_fixed", f"“{shown(value)}” is sent in lower case", value.lower())
            return value.lower(), (note,)
        if prefix != self._prefix:
            kinds = {"ldg": "a ledger", "idt": "an identity", "bln": "a balance"}
            other = kinds.get(prefix, "something else")
            message = f"“{shown(value)}” is the id of {other}, not of {self._article} {self._what}."
        elif not self._own.fullmatch(value):
            message = (
                f"“{shown(value)}” is not a complete id: {self._article} {self._what}'s id is "
                f"{prefix}_ and 36 characters."
            )
        elif not self._readable:
            self.unchecked = True
            return value, trimmed
        else:
            return None, (self._unknown(value),)
        return None, (Finding(f"malformed_{self._what}", "error", message),)

    def _unknown(self, value: str) -> Finding:
        message = f"“{shown(value)}” is not a known {self._what}."
        repair = self._nearest(value)
        if repair is not None:
            message = f"“{shown(value)}” is not a known {self._what}. Did you mean {shown(repair)}?"
        if self._tokenized and not _BLNK_ID.fullmatch(value):
            kept = " and ".join(self._tokenized)
            message += (
                f" Blnk keeps the {kept} of some identities as tokens, so they cannot be found by it. Enter "
                "the identity's id, or another value that it has in Blnk."
            )
        return Finding(f"unknown_{self._what}", "error", message, repair)

    def _nearest(self, value: str) -> str | None:
        """A similarly spelled name that only one has, or id."""
        self._suggestions += 1
        if self._suggestions > _SUGGESTIONS or len(value) > 200 or len(self._ids) > 20_000:
            return None
        if _BLNK_ID.fullmatch(value):
            return next(iter(difflib.get_close_matches(value, self._ids, n=1, cutoff=0.93)), None)
        single = {folded: ids[0] for folded, ids in self._names.items() if len(ids) == 1}
        near = difflib.get_close_matches(fold(value), single, n=1, cutoff=0.75)
        if not near:
            return None
        name = self._ids.get(single[near[0]], "")
        return name if fold(name) == near[0] else near[0]

    @staticmethod
    def _note(kind: str, what: str, repair: str | None = None) -> Finding:
        return Finding(kind, "note", f"{what}{'.' if repair else ' are not sent.'}", repair)


def ledgers(known: Known) -> Names:
    """Finds ledgers. Every instance has the general ledger."""
    return Names("ledger", "ldg", {GENERAL_LEDGER_ID: "General Ledger", **known.ledgers}, {}, known.readable)


def identities(known: Known) -> Names:
    """Finds identities by id, name, email address, or whatever else the caller looked up."""
    found = known.identities, known.identity_names, known.readable
    return Names("identity", "idt", *found, tokenized=known.tokenized)


class Currencies:
    """Reads a currency cell, which may hold several codes separated by semicolons."""

    def __init__(self, custom: Iterable[str], accepted: Collection[str]) -> None:
        self._custom = tuple(custom)
        self._accepted = frozenset(accepted)
        self._unknown = 0

    def find(self, text: str) -> Answer[tuple[str, ...]]:
        parts = text.split(";") if ";" in text else [text]
        parts = [part for part in parts if part.strip()] or [text]
        codes: list[str] = []
        findings: list[Finding] = []
        for at, part in enumerate(parts):
            suggest = self._unknown < _SUGGESTIONS
            code, finding = currencies.check(part, self._custom, self._accepted, suggest=suggest)
            if finding is not None and not (len(parts) > 1 and finding.kind == "whitespace_trimmed"):
                findings.append(self._in_cell(finding, at, parts) if len(parts) > 1 else finding)
            if code is not None:
                codes.append(code)
        wrong = any(finding.severity == "error" for finding in findings)
        self._unknown += wrong
        if len(set(codes)) < len(codes):
            once = ";".join(dict.fromkeys(codes))
            message = f"“{shown(text)}” lists a currency twice. For two balances, add two rows."
            findings.append(Finding("duplicate_currency", "error", message, once))
            wrong = True
        return (None if wrong else tuple(codes)), tuple(findings)

    @staticmethod
    def _in_cell(finding: Finding, at: int, parts: Sequence[str]) -> Finding:
        """Extends the suggestion for one code to the whole cell."""
        if finding.repair is None:
            return finding
        return finding._replace(repair=";".join([*parts[:at], finding.repair, *parts[at + 1 :]]))


def lineage(text: str) -> Answer[bool]:
    """Yes or no. Blnk accepts only true and false; other clear words get a suggestion."""
    value = text.strip().casefold()
    if value in ("true", "false", ""):
        return value == "true", ()
    if value in _TRUE:
        return True, (Finding("boolean_read_as_true", "note", f"“{shown(text)}” is read as true.", "true"),)
    if value in _FALSE:
        return False, (
            Finding("boolean_read_as_false", "note", f"“{shown(text)}” is read as false.", "false"),
        )
    message = f"“{shown(text)}” is neither true nor false."
    near = difflib.get_close_matches(value, ("true", "false"), n=1, cutoff=0.7) if len(value) < 20 else []
    if near:
        message = f"{message} Did you mean {near[0]}?"
    return None, (Finding("bad_boolean", "error", message, near[0] if near else None),)


_STRATEGIES = ("FIFO", "LIFO", "PROPORTIONAL")


def strategy(text: str) -> Answer[str]:
    """One of Blnk's three strategies, in any case, or "" for an empty cell."""
    value = text.strip().upper()
    if not value or value in _STRATEGIES:
        return value, ()
    message = f"“{shown(text)}” is not an allocation strategy. Use FIFO, LIFO or PROPORTIONAL."
    near = difflib.get_close_matches(value, _STRATEGIES, n=1, cutoff=0.8) if len(value) < 30 else []
    return None, (Finding("bad_allocation_strategy", "error", message, near[0] if near else None),)


_INDICATOR = re.compile(r"@\S+")
_UNSEEN = dict.fromkeys(map(ord, INVISIBLE))


def indicator(text: str) -> Answer[str]:
    """An indicator in the form that Blnk accepts: @, then no spaces. "" for an empty cell."""
    value = text.strip()
    seen = value.translate(_UNSEEN)
    if not value or (_INDICATOR.fullmatch(value) and seen == value):
        return value, ()
    if _INDICATOR.fullmatch(seen):
        message = (
            f"“{shown(seen)}” contains an invisible character: it would look like another indicator and be "
            "a different one. Replace it."
        )
        return None, (Finding("malformed_indicator", "error", message, seen),)
    tidy = "@" + re.sub(r"\s+", "", seen.lstrip("@"))
    message = (
        f"“{shown(value)}” is not a valid indicator. It must start with @ and have no spaces, for "
        "example @Fees."
    )
    repair = tidy if len(tidy) > 1 else None
    return None, (Finding("malformed_indicator", "error", message, repair),)
