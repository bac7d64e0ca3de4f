"""The last look before anything is sent: where it goes, what is created, and what it will look like."""

import streamlit as st

from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store import rows
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording import about_files, phrases
from pages.draft import other_desks_notice
from pages.kit import banner, look, person
from pages.kit.context import Visit

_LEDGERS_IN_FULL = 12
_FIRST_ROWS = 5


def show(visit: Visit, import_: Import, ready: int, invalid: int) -> bool:
    """The totals, the first rows, the button. Whether it was handed over now."""
    st.subheader("Confirmation")
    seen_key = f"seen-{import_.id}"
    seen = st.session_state.get(seen_key, import_.version)
    st.session_state[seen_key] = import_.version
    if visit.connection is None:
        banner.sending_here(visit, import_)
        return False
    st.markdown(
        f"{phrases.plural(ready, 'balance')} will be created in **{look.safe(visit.connection.label)}** "
        f"(**{look.environment(import_.instance)}**). Balances cannot be deleted."
    )
    other_desks_notice.show(visit)
    _by_ledger(import_)
    _first_rows(visit, import_)
    st.caption(look.safe(about_files.how_long(ready, visit.connection.requests_per_minute)))
    person.name_field(visit)
    typed, accepted = None, False
    if visit.connection.is_production:
        typed = st.text_input(f"Type {ready:,} to confirm", key=f"typed-{import_.id}-{import_.version}")
        if missing := drafts.missing_checks(import_):
            for sentence in missing:
                look.warning(sentence)
            accepted = st.checkbox(
                f"Create {phrases.plural(ready, 'balance')} without these checks",
                key=f"unchecked-{import_.id}-{import_.version}",
            )
    label = f"Create {phrases.plural(ready, 'balance')}"
    if invalid:
        label += f", skip {phrases.plural(invalid, 'invalid row')}"
    pressed = st.button(label, type="primary", key=f"confirm-{import_.id}")
    return pressed and _hand_over(visit, import_, seen, typed, accepted)


def _by_ledger(import_: Import) -> None:
    """Each ledger by name and id with its balances; as a grid where there are many."""
    parts = about_files.by_ledger(import_.totals)
    if len(parts) > _LEDGERS_IN_FULL:
        st.dataframe(
            {
                "Ledger": [part.name for part in parts],
                "Balances": [part.said for part in parts],
                "Ledger id": [part.ledger_id for part in parts],
            },
            hide_index=True,
        )
    else:
        with st.container(border=True, key="by-ledger"):
            for part in parts:
                with st.container(gap=None):
                    st.markdown(f"**{look.safe(part.name or part.ledger_id)}** · {look.safe(part.said)}")
                    st.caption(look.safe(part.ledger_id))
    st.write(f"Total: {look.safe(about_files.by_currency(import_.totals))}.")


def _first_rows(visit: Visit, import_: Import) -> None:
    """Exactly what is sent, with the two marks that every balance gets."""
    with visit.desk.store.read() as tx:
        first = rows.page(tx, import_.number, states=[RowState.READY], limit=_FIRST_ROWS)
    with st.expander("Preview of requests", key=f"first-{import_.id}"):
        st.dataframe(about_files.as_sent(first), hide_index=True)
        st.caption(
            f"The metadata of each balance includes {IMPORT_ID} (this import) and {IMPORT_REF} (this row's "
            "idempotency key). They identify the balance later, so that it is never created twice."
        )


def _hand_over(visit: Visit, import_: Import, seen: int, typed: str | None, accepted: bool) -> bool:
    desk = visit.desk
    try:
        who = person.name(visit)
        drafts.confirm(
            desk.store,
            desk.settings,
            id=import_.id,
            who=who,
            version=seen,
            typed=typed,
            accept_unchecked=accepted,
        )
    except (ValueError, NotConfirmed) as problem:
        look.problem(str(problem))
        return False
    return True
