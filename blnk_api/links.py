"""Signed, expiring tokens for the routes that are not pages: who has the link may download, for a while."""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

_SECRET_FILE = "links.key"


class BadLink(Exception):
    """Not one of ours, or changed on the way."""


class OldLink(Exception):
    """Ours, and expired."""


@dataclass(frozen=True)
class Download:
    """What a link opens: one variant of one import's results."""

    import_id: str
    variant: str


class Links:
    """Makes and opens links. The secret lies in the data folder, readable by its owner alone."""

    def __init__(self, data_dir: Path, *, valid_seconds: float) -> None:
        self._serializer = URLSafeTimedSerializer(_secret(data_dir), salt="download")
        self._valid_seconds = valid_seconds

    def sign(self, download: Download) -> str:
        return self._serializer.dumps([download.import_id, download.variant])

    def open(self, token: str) -> Download:
        """Raises BadLink or OldLink."""
        try:
            import_id, variant = self._serializer.loads(token, max_age=int(self._valid_seconds))
        except SignatureExpired:
            raise OldLink from None
        except (BadSignature, ValueError, TypeError):
            raise BadLink from None
        return Download(import_id, variant)


def _secret(data_dir: Path) -> str:
    """Made once for all processes: it is written whole under another name first, and the first one stays."""
    path = data_dir / _SECRET_FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        own = data_dir / f".{_SECRET_FILE}.{secrets.token_hex(4)}"
        with os.fdopen(
            os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR), "w"
        ) as f:
            f.write(secrets.token_hex(32))
            f.flush()
            os.fsync(f.fileno())
        try:
            os.link(own, path)
        except FileExistsError:
            pass
        finally:
            own.unlink()
    return path.read_text().strip()
