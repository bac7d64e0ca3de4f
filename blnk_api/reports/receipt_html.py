"""A receipt as a printable HTML document: no scripts, nothing loaded, every text shown literally."""

import base64
import hashlib
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import jinja2

from blnk_api.reports import receipt_tables
from blnk_api.store.people.receipt_records import Contents
from blnk_api.wording.phrases import ENVIRONMENT, ENVIRONMENT_MEANS, plural

STYLE = Path(__file__).with_name("receipt.css").read_text(encoding="utf-8")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing in a receipt can run or load anything, whatever a file, a ledger or a note contains."""


def document(
    contents: Contents, zone: tzinfo, zone_name: str | None, *, json_link: str, results_link: str | None
) -> str:
    """The whole document. `results_link` leads to its results, if they still exist."""
    at = _Times(zone, zone_name)
    environment = contents["instance"]["environment"]
    return _TEMPLATES.get_template("receipt.html.j2").render(
        contents=contents,
        at=at,
        style=STYLE,
        environment=f"{ENVIRONMENT[environment]} · {ENVIRONMENT_MEANS[environment]}",
        json_link=json_link,
        results_link=results_link,
        **receipt_tables.of(contents, at),
    )


class _Times:
    """Formats times in UTC and in the reader's time zone."""

    def __init__(self, zone: tzinfo, zone_name: str | None) -> None:
        self._zone = zone
        self._name = zone_name if zone_name and zone_name != "UTC" else None

    def __call__(self, at: str | None) -> str:
        """ "22 Nov 2026, 16:07:03 UTC (17:07:03 Europe/Paris)" """
        if at is None:
            return "–"
        utc = datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        text = f"{utc:%-d %b %Y, %H:%M:%S} UTC"
        if self._name is None:
            return text
        here = utc.astimezone(self._zone)
        day = f"{here:%-d %b} " if here.date() != utc.date() else ""
        return f"{text} ({day}{here:%H:%M:%S} {self._name})"


def _written(value: object) -> object:
    """A missing value is shown as a dash."""
    return "–" if value is None else value


def _figure(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("blnk_api.reports", "."),
    autoescape=True,  # by name it would be off for .j2
    finalize=_written,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"figure": _figure, "plural": plural}
