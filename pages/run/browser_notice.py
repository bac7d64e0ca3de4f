"""A browser notification when an import is finished, enabled only by a click.

The tab must stay open. Browsers offer this over https, and on the machine itself.
"""

from html import escape
from urllib.parse import urlsplit

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording import about_progress

_KEY = "notify-me"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

ASKS = (
    f"if (!window.listensForNotices) {{ window.listensForNotices = true; document.addEventListener('click', "
    f"event => {{ if (event.target.closest('.st-key-{_KEY} button')) "
    "window.Notification?.requestPermission() }) }"
)
TELLS = (
    "const told = [...document.querySelectorAll('.browser-notice p')].map(one => one.textContent); "
    "if (told.length && window.Notification?.permission === 'granted') "
    "new Notification(told[0], { body: told[1] })"
)
SCRIPTS = (ASKS, TELLS)
"""The server's policy allows these scripts to run, and no others. The notification's text is in the page."""


def button(import_: Import) -> None:
    """Next to an import's other buttons. The click itself must ask the browser: asking after a round trip to
    the server is too late."""
    if not _is_possible():
        return
    if st.session_state.get(_name(import_)):
        st.caption("Your browser notifies you when the import is over, if you allow it. Keep this tab open.")
        return
    st.button("Notify me", key=_KEY, on_click=_remember, args=[import_], help=_HELP)
    st.html(f"<script>{ASKS}</script>", unsafe_allow_javascript=True, width="content")


_HELP = "Your browser asks you whether it may show a notification when this import is over."


def _remember(import_: Import) -> None:
    st.session_state[_name(import_)] = True


def tell(import_: Import) -> None:
    """Once, when the import is finished."""
    if import_.state is ImportState.DONE and st.session_state.pop(_name(import_), False):
        lines = (about_progress.tab_title(import_), about_progress.ended(import_))
        texts = "".join(f"<p>{escape(one)}</p>" for one in lines)
        st.html(
            f'<div class="browser-notice" hidden>{texts}</div><script>{TELLS}</script>',
            unsafe_allow_javascript=True,
        )


def _name(import_: Import) -> str:
    return f"{_KEY}-{import_.id}"


def _is_possible() -> bool:
    url = urlsplit(st.context.url or "")
    return url.scheme == "https" or url.hostname in _THIS_MACHINE
