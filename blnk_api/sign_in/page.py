"""The few pages that people see before they are signed in: plain HTML, no scripts, nothing loaded."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse

_HERE = Path(__file__).parent
_STYLE = (_HERE / "page.css").read_text(encoding="utf-8")
_TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE), autoescape=True)
_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def answer(
    heading: str,
    *sentences: str,
    links: Sequence[tuple[str, str]] = (),
    button: str = "",
    form_leads_to: str = "",
    status: int = 200,
) -> HTMLResponse:
    """`links` are labels with their addresses. `button` submits a form to the page's own address, which may
    lead to another site, `form_leads_to`: a browser follows it there only if the page allows it."""
    text = _TEMPLATES.get_template("page.html.j2").render(
        heading=heading, sentences=sentences, links=links, button=button, style=Markup(_STYLE)
    )
    headers = {
        "Content-Security-Policy": f"{_POLICY} {form_leads_to}".rstrip(),
        "Cache-Control": "no-store",
    }
    return HTMLResponse(text, status, headers)
