"""Chooses a ledger or an identity from Blnk: a search field and a list of matches. Nothing is preselected."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from blnk_api.errors import AccessDenied, BlnkError, NothingCreated
from blnk_api.wording import about_errors
from pages.kit import look

Choice = tuple[str, str]
"""An id and its name ("" if the name could not be read)."""

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
    """The choice, stored in the session under `key`. The id is typed if Blnk cannot be searched.

    `list_first`: show matches before anything is typed.
    """
    chosen: Choice | None = st.session_state.get(key)
    if chosen is not None:
        _show_chosen(what, key, chosen, search)
        return chosen
    typed = searched(key)
    found: list[Choice] | None = []
    trouble = ""
    about: BlnkError | None = None
    try:
        if typed or list_first:
            found = search(typed)
    except AccessDenied as denied:
        text = _MAY_NOT_SEARCH if denied.status == 403 else f"{denied} Until then, nothing can be created."
        found, trouble, about = None, text if list_first else "", denied
    except NothingCreated as failed:
        about = failed
        found, trouble = None, f"Blnk cannot be searched at the moment: {failed} You can enter the exact id."
    label = what if found is not None else f"{what}: exact id"
    st.text_input(
        label,
        key=f"{key}-search",
        placeholder=placeholder if found is not None else "",
        help=hint or None,
        live=True,
    )
    if trouble:
        look.warning(trouble)
        look.details(about_errors.details(about) if about else ())
    if found is None:
        return (typed, "") if typed else None
    if found:
        _matches(what, key, found)
    elif typed or list_first:
        st.caption("No match for this name or id." if typed else "Your Blnk instance has none yet.")
    return None


def searched(key: str) -> str:
    """The contents of the search field."""
    return str(st.session_state.get(f"{key}-search") or "").strip()


_MAY_NOT_SEARCH = (
    "These credentials have no read permission in Blnk. Enter exact ids: they cannot be checked before "
    "sending, and if an answer is lost, its balance cannot be looked up, so a person must decide what to do."
)


def _matches(what: str, key: str, found: list[Choice]) -> None:
    names = dict(found)
    first = found[:_SHOWN]
    st.radio(
        f"Matches for {what.lower()}",
        [id for id, _ in first],
        index=None,
        key=f"{key}-match",
        format_func=lambda id: look.safe(names.get(id) or id),
        captions=[look.safe(id) for id, _ in first],
        label_visibility="collapsed",
        on_change=_choose,
        args=[key, names],
    )
    if len(found) > _SHOWN:
        st.caption(
            f"{len(found) - _SHOWN:,}{'+' if len(found) >= 100 else ''} more. Type more of the name to "
            "narrow them down."
        )


def put(key: str, choice: Choice | None) -> None:
    """Sets the choice before the picker is drawn."""
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
