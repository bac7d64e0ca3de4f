"""The last step before anything is sent: where it goes, what is created, and what it will look like."""

from dataclasses import dataclass

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.drafts.guide import steps
from blnk_api.settings import Connection
from blnk_api.store.approvals import need
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from blnk_api.wording import about_files, about_imports, phrases
from blnk_api.wording.approval import requests as words
from pages.draft import planned_rows
from pages.draft.fix import problem_list
from pages.draft.notices import other_desks, plan
from pages.kit import banner, look, permission, person
from pages.kit.context import Visit

_LEDGERS_IN_FULL = 12


@dataclass(frozen=True)
class Confirmation:
    """What a person saw and entered before clicking the button."""

    version: int
    typed: str | None = None
    accepts_unchecked: bool = False


def show(visit: Visit, import_: Import) -> Confirmation | None:
    """The totals, the first rows, and what production requires. None if nothing can be confirmed."""
    st.subheader("Confirmation")
    if not steps.has_rows(import_):
        st.write("The rows are being checked.")
        return None
    ready, invalid = drafts.to_create(import_), import_.counts.get(RowState.INVALID, 0)
    if visit.connection is None:
        banner.sending_here(visit, import_)
        return None
    if not ready:
        st.write("There are no balances to create.")
        return None
    if invalid:
        look.warning(f"{about_imports.skips_invalid(invalid)} To create them too, fix them first.")
    st.markdown(
        f"{phrases.plural(ready, 'balance')} will be created in **{look.safe(visit.connection.label)}** "
        f"(**{look.environment(import_.instance)}**). Balances cannot be deleted."
    )
    other_desks.show(visit)
    plan.show(visit, ready)
    problem_list.warnings(import_)
    by_ledger(import_)
    planned_rows.show(visit, import_)
    st.caption(look.safe(about_files.how_long(ready, visit.connection.requests_per_minute)))
    if needs_approval(visit, import_):
        st.info(look.safe(words.before_asking(visit.connection.approval)), icon=":material/how_to_reg:")
    if not permission.offered(visit, Act.CONFIRM):
        return None
    person.name_field(visit)
    return _asked(visit.connection, import_, ready)


def _asked(connection: Connection, import_: Import, ready: int) -> Confirmation:
    seen_key = f"seen-{import_.id}"
    seen = st.session_state.get(seen_key, import_.version)
    st.session_state[seen_key] = import_.version
    if not connection.is_production:
        return Confirmation(seen)
    accepted = False
    typed = st.text_input(f"Type {ready:,} to confirm", key=f"typed-{import_.id}-{import_.version}")
    if missing := drafts.missing_checks(import_):
        for sentence in missing:
            look.warning(sentence)
        accepted = st.checkbox(
            f"Create {phrases.plural(ready, 'balance')} without these checks",
            key=f"unchecked-{import_.id}-{import_.version}",
        )
    return Confirmation(seen, typed, accepted)


def needs_approval(visit: Visit, import_: Import) -> bool:
    """Whether a second person must approve it, so that the button requests approval."""
    if visit.connection is None:
        return False
    with visit.desk.store.read() as tx:
        return need.is_needed(tx, visit.connection.approval, import_)


def by_ledger(import_: Import) -> None:
    """Each ledger by name and id with its balances; as a grid if there are many."""
    parts = about_files.by_ledger(import_.totals)
    if len(parts) > _LEDGERS_IN_FULL:
        st.dataframe(
            {
                "Ledger": [part.name for part in parts],
                "Balances": [part.balances for part in parts],
                "Ledger id": [part.ledger_id for part in parts],
            },
            hide_index=True,
        )
    else:
        with st.container(border=True, key="by-ledger"):
            for part in parts:
                with st.container(gap=None):
                    st.markdown(f"**{look.safe(part.name or part.ledger_id)}** · {look.safe(part.balances)}")
                    st.caption(look.safe(part.ledger_id))
    st.write(f"Total: {look.safe(about_files.by_currency(import_.totals))}.")


def button(visit: Visit, import_: Import, invalid: int, *, is_off: bool) -> bool:
    """The button that creates the balances or requests approval. It is not the primary one next to a link to
    rows that would be skipped."""
    balances = phrases.plural(drafts.to_create(import_), "balance")
    asks = needs_approval(visit, import_)
    label = f"Ask for approval of {balances}" if asks else f"Create {balances}"
    if invalid:
        label += f", skip {phrases.plural(invalid, 'invalid row')}"
    return st.button(
        label,
        type="secondary" if invalid else "primary",
        key=f"confirm-{import_.id}",
        disabled=is_off or steps.is_being_checked(import_),
    )


def hand_over(visit: Visit, import_: Import, confirmation: Confirmation) -> bool:
    """Returns whether the draft was handed to the sender or waits for approval. If not, shows why."""
    desk = visit.desk
    try:
        who = person.name(visit)
        drafts.confirm(
            desk.store,
            desk.settings,
            id=import_.id,
            who=who,
            version=confirmation.version,
            typed=confirmation.typed,
            accept_unchecked=confirmation.accepts_unchecked,
        )
    except (ValueError, NotConfirmed, NotAllowed) as problem:
        look.problem(str(problem))
        return False
    return True
