"""Signed, expiring tokens for the routes that are not pages: who has the link may download, for a while."""

import os
import secrets
import stat
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeVar

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from blnk_api.errors import SettingsProblem

_SECRET_FILE = "links.key"
_LEAST_CHARACTERS = 32


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
    """Makes and opens links. The secret lies in the data folder, readable by its owner alone.

    Raises SettingsProblem where what lies there is no secret.
    """

    def __init__(self, data_dir: Path, *, valid_seconds: float) -> None:
        self._secret = _secret(data_dir)
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
        return URLSafeTimedSerializer(self._secret, salt=what.__name__.lower())


def refuse_bad_key(data_dir: Path) -> None:
    """Raises SettingsProblem where what signs links is no secret; a missing one is made when it is needed."""
    if (data_dir / _SECRET_FILE).exists():
        _secret(data_dir)


def _secret(data_dir: Path) -> str:
    """Made once for all processes: it is written whole under another name first, and the first one stays."""
    path = data_dir / _SECRET_FILE
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text("ascii").strip()
    except OSError as problem:
        raise SettingsProblem(f"{path} cannot be read or written: {problem.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < _LEAST_CHARACTERS:
        raise SettingsProblem(
            f"{path} signs download links, but it is too short. Restore it from a backup, or "
            "delete it: a new "
            "one is created, and links that were sent before stop working."
        )
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR), "w"
    ) as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink()
