"""Signed, expiring tokens for routes that are not pages: whoever has the link may download for a while."""

from dataclasses import astuple, dataclass
from typing import TypeVar

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer


class BadLink(Exception):
    """Not signed by us, or modified."""


class OldLink(Exception):
    """Signed by us, but expired."""


@dataclass(frozen=True)
class Download:
    """A link to one variant of an import's results, as CSV or XLSX."""

    import_id: str
    variant: str
    kind: str = "csv"


@dataclass(frozen=True)
class ProblemRows:
    """A link to a draft's rows that must be fixed, as XLSX."""

    import_id: str


@dataclass(frozen=True)
class Template:
    """A link to an empty file for a connection, as CSV or XLSX."""

    connection: str
    kind: str


@dataclass(frozen=True)
class Listing:
    """A link to a list of imports or balances, as CSV or XLSX. `asked` describes the list as JSON."""

    what: str
    connection: str
    form: str
    asked: str


Wanted = Download | ProblemRows | Template | Listing
_W = TypeVar("_W", Download, ProblemRows, Template, Listing)


class Links:
    """Creates and opens links with the key of this desk; see `links_key`."""

    def __init__(self, key: str, *, valid_seconds: float) -> None:
        self._key = key
        self._valid_seconds = valid_seconds

    def sign(self, wanted: Wanted) -> str:
        return self._serializer(type(wanted)).dumps(astuple(wanted))

    def open(self, token: str) -> Download:
        """Raises BadLink or OldLink."""
        return self.open_as(token, Download)

    def open_as(self, token: str, what: type[_W]) -> _W:
        """The signed content, if it is of this type. Raises BadLink or OldLink."""
        try:
            return what(*self._serializer(what).loads(token, max_age=int(self._valid_seconds)))
        except SignatureExpired:
            raise OldLink from None
        except (BadSignature, ValueError, TypeError):
            raise BadLink from None

    def _serializer(self, what: type[Wanted]) -> URLSafeTimedSerializer:
        """Each type has its own salt, so that a link cannot be opened as another type."""
        return URLSafeTimedSerializer(self._key, salt=what.__name__.lower())
