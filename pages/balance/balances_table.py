"""Balances in Blnk, newest first, page by page, with the metadata that identifies them."""

from collections.abc import Sequence

import streamlit as st

from blnk_api.blnk.endpoints import PAGE_LIMIT
from blnk_api.desk import balance_search, balance_text
from blnk_api.desk.balance_search import NoMatches, Page, Wanted
from blnk_api.desk.balance_text import Reading
from blnk_api.errors import AccessDenied, NothingCreated
from blnk_api.files.kinds import FileKind
from blnk_api.store.people import metadata_shown
from blnk_api.web import list_routes
from blnk_api.wording import phrases
from pages.balance import balances_filter, balances_grid
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit) -> None:
    text, within = balances_filter.show(visit)
    with visit.desk.store.read() as tx:
        chosen = metadata_shown.of_instance(tx, visit.connected().instance)
    try:
        wanted = _meant(visit, text, within, chosen) if text else within
        if wanted is None:
            return
        pages: dict[Wanted, int] = st.session_state.setdefault("balances-pages", {})
        number = pages.get(wanted, 1)
        page = _found(visit, visit.credentials(), wanted, number)
    except NoMatches as why:
        _nothing(str(why))
        return
    except AccessDenied as denied:
        look.blnk_problem(f"These credentials cannot read balances in Blnk: {denied}", denied)
        st.page_link("connection.py", label="Check permissions", query_params=visit.query())
        return
    except NothingCreated as failed:
        look.blnk_problem(f"Blnk could not be read: {failed}", failed)
        st.button("Try again")
        return
    found = page.balances
    if not found and number == 1:
        _nothing("" if wanted.is_empty else "No matching balances.")
        return
    is_more = len(found) == PAGE_LIMIT
    first = (number - 1) * PAGE_LIMIT + 1
    counted = phrases.part_of_many(first, len(found), page.total, "balance", is_more=is_more)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{counted}, newest first.", width="content")
        balances_grid.columns_choice(visit, found, chosen)
    balances_grid.show(visit, found, chosen)
    if number > 1 or is_more:
        with st.container(horizontal=True):
            st.button("Newer", disabled=number == 1, on_click=_turn, args=[pages, wanted, number - 1])
            st.button("Older", disabled=not is_more, on_click=_turn, args=[pages, wanted, number + 1])
    _downloads(visit, wanted)


def _meant(visit: Visit, text: str, within: Wanted, chosen: Sequence[str] | None) -> Wanted | None:
    """The search for a text. If it matches several ways, a person chooses."""
    credentials = visit.credentials()
    keys = chosen or balances_grid.keys_of(_found(visit, credentials, Wanted(), 1).balances)
    made_by = balances_filter.called(visit, text) if within.import_ids is None else []
    meant = balance_text.readings(text, within, keys=keys, made_by=made_by)
    found = balance_text.that_find(meant, lambda wanted: _found(visit, credentials, wanted, 1))
    if not found:
        _nothing("No matching balances.")
        if keys:
            looked = look.safe(phrases.listed(list(keys[: balance_text.MOST_KEYS])))
            st.caption(
                f"Searched for this exact value in {looked}, and for an import with this name. For other "
                "metadata, enter key=value."
            )
        return None
    by_label: dict[str, Reading] = {one.label: one for one in found}
    if len(by_label) == 1:
        st.caption(look.safe(f"Found by {found[0].label}."))
        return found[0].wanted
    label = st.pills(
        "Found by",
        list(by_label),
        default=found[0].label,
        required=True,
        key=f"by-{text}",
        format_func=look.safe,
    )
    return by_label[label or found[0].label].wanted


@st.cache_data(ttl=5, max_entries=100, show_spinner="Loading from Blnk…")
def _found(_visit: Visit, credentials: int, wanted: Wanted, number: int) -> Page:
    with _visit.desk.client(_visit.connected()) as client:
        return balance_search.page(client, wanted, number)


def _turn(pages: dict[Wanted, int], wanted: Wanted, number: int) -> None:
    pages[wanted] = number


def _nothing(why: str) -> None:
    if why:
        st.write(look.safe(why))
        st.button("Show all balances", on_click=balances_filter.forget)
    else:
        st.write("Your Blnk instance has no balances yet. Create the first one on “Create a balance”.")


def _downloads(visit: Visit, wanted: Wanted) -> None:
    """Everything that the search finds, including other pages."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind in FileKind:
            url = list_routes.balances_url(visit.desk.links, visit.connected(), wanted, kind)
            st.link_button(f"Download as {kind.upper()}", url, icon=":material/download:")
        st.caption(
            f"The results of this search, up to {phrases.plural(balance_search.MOST, 'balance')}.",
            width="content",
        )
