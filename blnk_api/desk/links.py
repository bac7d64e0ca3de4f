"""Signed, expiring tokens for the routes that are not pages: who has the link may download, for a while."""

from dataclasses import astuple, dataclass
from typing import TypeVar

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer


class BadLink(Exception):
    """Not one of ours, or changed on the way."""


class OldLink(Exception):
    """Ours, and expired."""


@dataclass(frozen=True)
class Download:
    """What a link opens: one variant of one import's results, as a CSV or XLSX."""

    import_id: str
    variant: str
    kind: str = "csv"


@dataclass(frozen=True)
class ProblemRows:
    """What a link opens: a draft's rows that must be fixed, as XLSX."""

    import_id: str


@dataclass(frozen=True)
class Template:
    """What a link opens: an empty file for a connection, as a CSV or XLSX."""

    connection: str
    kind: str


@dataclass(frozen=True)
class Listing:
    """What a link opens: a list of imports or balances, as CSV or XLSX; `asked`, as JSON, says which ones."""

    what: str
    connection: str
    form: str
    asked: str


Wanted = Download | ProblemRows | Template | Listing
_W = TypeVar("_W", Download, ProblemRows, Template, Listing)


class Links:
    """Makes and opens links, with the key of this desk: see `links_key`."""

    def __init__(self, key: str, *, valid_seconds: float) -> None:
        self._key = key
        self._valid_seconds = valid_seconds

    def sign(self, wanted: Wanted) -> str:
        return self._serializer(type(wanted)).dumps(astuple(wanted))

    def open(self, token: str) -> Download:
        """Raises BadLink or OldLink."""
        return self.open_as(token, Download)

    def open_as(self, token: str, what: type[_W]) -> _W:
        """What was signed, if it is one of these. Raises BadLink or OldLink."""
        try:
            return what(*self._serializer(what).loads(token, max_age=int(self._valid_seconds)))
        except SignatureExpired:
            raise OldLink from None
        except (BadSignature, ValueError, TypeError):
            raise BadLink from None

    def _serializer(self, what: type[Wanted]) -> URLSafeTimedSerializer:
        """A salt of its own for each, so that none opens as another."""
        return URLSafeTimedSerializer(self._key, salt=what.__name__.lower())
