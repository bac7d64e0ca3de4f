"""Finds a ledger or an identity in Blnk: a search box and a list of matches. Nothing is preselected."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from blnk_api.errors import AccessDenied, NothingCreated
from pages.parts import look

Choice = tuple[str, str]
"""An id and what a person calls it ("" when nobody could be asked)."""

_SHOWN = 8


def pick(
    what: str,
    key: str,
    *,
    search: Callable[[str], list[Choice]],
    placeholder: str,
    list_first: bool,
    hint: str = "",
) -> Choice | None:
    """The choice, kept in the session under `key`. By hand where Blnk does not let us search.

    `list_first`: show what there is before anything is typed.
    """
    chosen: Choice | None = st.session_state.get(key)
    if chosen is not None:
        _show_chosen(what, key, chosen, search)
        return chosen
    with st.container(key=f"pick-{key}", gap="small"):
        text = st.text_input(what, key=f"{key}-search", placeholder=placeholder, help=hint or None, live=True)
        if not text and not list_first:
            return None
        try:
            found = search(text or "")
        except AccessDenied:
            st.caption(
                "These credentials may not search in Blnk. Type the exact id. It cannot be checked "
                "beforehand, and a balance whose answer is lost cannot be looked up: somebody will have to "
                "decide about it."
            )
            return _typed(text)
        except NothingCreated as failed:
            look.warning(f"Blnk cannot be searched right now: {failed} You can type the exact id.")
            return _typed(text)
        if not found:
            st.caption("Nothing of that name or id." if text else "There are none in this Blnk yet.")
            return None
        names = dict(found)
        shown = found[:_SHOWN]
        st.radio(
            f"Matches for {what.lower()}",
            [id for id, _ in shown],
            index=None,
            key=f"{key}-match",
            format_func=lambda id: look.safe(names.get(id) or id),
            captions=[look.safe(id) for id, _ in shown],
            label_visibility="collapsed",
            on_change=lambda: _choose(key, names),
        )
        if len(found) > _SHOWN:
            st.caption(
                f"{len(found) - _SHOWN:,}{'+' if len(found) >= 100 else ''} more: type more of the name."
            )
    return None


def put(key: str, choice: Choice | None) -> None:
    """Chooses, before the picker is drawn."""
    st.session_state.pop(f"{key}-match", None)
    st.session_state[key] = choice


def _choose(key: str, names: dict[str, str]) -> None:
    id = st.session_state.get(f"{key}-match")
    if id is not None:
        put(key, (id, names.get(id, "")))


def _show_chosen(what: str, key: str, chosen: Choice, search: Callable[[str], list[Choice]]) -> None:
    id, name = chosen
    if not name:
        with suppress(NothingCreated):
            name = dict(search(id)).get(id, "")
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"chosen-{key}"):
        with st.container(gap=None):
            st.caption(what)
            if name:
                st.text(name)
            st.caption(look.safe(id))
        st.button("Change", key=f"{key}-change", on_click=put, args=[key, None])


def _typed(text: str | None) -> Choice | None:
    return (text.strip(), "") if text and text.strip() else None
