"""The common look: text made safe to show, badges, messages."""

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from blnk_api.common.quoting import shown
from blnk_api.errors import BlnkError
from blnk_api.settings import Connection, Instance
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState
from blnk_api.wording import about_errors, about_imports, phrases

_JOINER = "\u2060"
"""Invisible, and prevents an address from becoming a link, which a backslash does not."""

_LINKS = re.compile(r"(@|:/|\bwww)", re.IGNORECASE)
_PLAIN = re.compile(r"(?!\d+\. )[A-Za-z0-9](?:[A-Za-z0-9 .()-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])){0,79}")
_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")

_STATE_BADGES = {
    ImportState.DRAFT: (":material/edit_note:", "gray"),
    ImportState.WAITING: (":material/how_to_reg:", "orange"),
    ImportState.QUEUED: (":material/schedule:", "blue"),
    ImportState.RUNNING: (":material/play_arrow:", "blue"),
    ImportState.PAUSED: (":material/pause:", "orange"),
    ImportState.VERIFYING: (":material/fact_check:", "blue"),
    ImportState.DONE: (":material/check:", "green"),
    ImportState.CANCELLED: (":material/close:", "gray"),
}

ROW_SIGNS = {
    RowState.READY: "○",
    RowState.SENDING: "↗",
    RowState.CREATED: "✓",
    RowState.EXISTS: "=",
    RowState.REFUSED: "✕",
    RowState.UNKNOWN: "?",
    RowState.INVALID: "!",
    RowState.LEFT_OUT: "–",
    RowState.SUPERSEDED: "→",
}


def safe(text: str, limit: int = 400) -> str:
    """Makes any text safe for Markdown: shown literally, without links, colors or images."""
    return _MARKDOWN.sub(r"\\\1", _LINKS.sub(rf"\1{_JOINER}", shown(text, limit)))


def label(text: str, limit: int = 80) -> str:
    """Makes any text safe for a field's label, which is Markdown too. Screen readers read labels literally,
    including backslashes, so a plain label gets none."""
    return text if _PLAIN.fullmatch(text) and not _LINKS.search(text) else safe(text, limit)


def state_badge(import_: Import) -> None:
    icon, colour = _STATE_BADGES[import_.state]
    if about_imports.waits_for_blnk(import_):
        icon, colour = ":material/hourglass_top:", "blue"
    st.badge(about_imports.state(import_), icon=icon, color=colour)  # type: ignore[arg-type]


def problem(text: str) -> None:
    st.error(safe(text, 2_000), icon=":material/error:")


def warning(text: str) -> None:
    st.warning(safe(text, 2_000), icon=":material/warning:")


def blnk_problem(text: str, failed: BlnkError) -> None:
    """An error from Blnk, with what support asks for below it."""
    problem(text)
    details(about_errors.details(failed))


def details(pairs: Sequence[tuple[str, str]]) -> None:
    """Details that only support needs. Collapsed by default."""
    if pairs:
        with st.expander("Details"):
            for name, value in pairs:
                fact(name, value)


def fact(label: str, value: str) -> None:
    """A name above its value, which is shown literally."""
    with st.container(gap=None):
        st.caption(label)
        st.text(value or "–")


def environment(instance: Instance) -> str:
    return phrases.ENVIRONMENT[instance.environment]


def place(instance: Instance, connection: Connection | None) -> str:
    """ "PRODUCTION · Acme": the environment, and the connection if there may be several."""
    if instance.environment == "practice":
        return environment(instance)
    return f"{environment(instance)} · {safe(phrases.instance(instance, connection))}"


def address(connection: Connection) -> str:
    """A connection's address and instance, to distinguish two."""
    if connection.is_practice:
        return "Practice on this machine"
    return f"{connection.instance.base_url} · instance {connection.instance.instance_id}"


def heading(text: str) -> None:
    st.title(safe(text, 120))


def link(query: dict[str, str]) -> str:
    """This page's own address with a query, which others can open."""
    url = urlsplit(st.context.url or "")
    return urlunsplit((url.scheme, url.netloc, url.path or "/", urlencode(query), ""))


def go_to(label: str, address: str) -> None:
    """A link to an address of this server, in this tab: Streamlit's own links open a new one."""
    st.html(
        f'<a class="own-link" href="{escape(address)}" target="_self">{escape(label)}</a>', width="content"
    )


_BEGINS = "page-begins-at-the-top"
TO_THE_TOP = "document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)"
"""A script: the server's policy allows this text to run, and no other."""


def begin_at_the_top() -> None:
    """The next run shows something else in place of this: otherwise Streamlit would leave the page scrolled
    down to where the button was."""
    st.session_state[_BEGINS] = True


def scroll_if_it_begins() -> None:
    """Called at the end of the contents that are shown then."""
    if st.session_state.pop(_BEGINS, False):
        st.html(f"<script>{TO_THE_TOP}</script>", unsafe_allow_javascript=True)
