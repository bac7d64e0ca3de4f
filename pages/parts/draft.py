"""A file on its way to being confirmed: what was understood, what is wrong, what would be created."""

import streamlit as st

from blnk_api import file_words, words
from blnk_api.imports import drafts, preparing
from blnk_api.imports.drafts import NotConfirmed
from blnk_api.imports.journal import imports, rows
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.states import ImportState, RowState, Stage
from blnk_api.imports.results import Variant
from pages.parts import banner, downloads, look, person
from pages.parts.problems import show_problems
from pages.parts.visit import Visit

_LEDGERS_IN_FULL = 12
_RESEMBLING_SHOWN = 100
_MOVING = (Stage.UPLOADED, Stage.CHECKING, Stage.LOOKING)


def show(visit: Visit, import_: Import) -> None:
    look.heading(words.title(import_))
    st.caption(look.safe(_uploaded(import_)))
    if import_.stage in _MOVING:
        st.fragment(_watch, run_every=visit.desk.settings.waits.form_refresh)(visit, import_.id)
    elif import_.stage is Stage.UNREADABLE:
        look.problem(import_.problem or "The file cannot be used.")
        st.write("Nothing was sent. Correct the file and import it again.")
        _discard(visit, import_, "Import another file")
    else:
        _checked(visit, import_)


def _uploaded(import_: Import) -> str:
    zone = words.zone(st.context.timezone)
    return f"Uploaded by {words.actor(import_.who)} on {words.when(import_.created_at, zone)}"


def _watch(visit: Visit, id: str) -> None:
    import_ = visit.reload(id)
    assert import_ is not None
    if import_.stage not in _MOVING or import_.state is not ImportState.DRAFT:
        st.rerun()
    with st.status(words.headline(import_), type="compact"):
        pass
    if import_.problem:
        look.warning(import_.problem)
    banner.sending_here(visit, import_)


def _checked(visit: Visit, import_: Import) -> None:
    _understood(import_)
    ready, invalid = drafts.to_create(import_), import_.counts.get(RowState.INVALID, 0)
    with st.container(horizontal=True):
        st.metric("To create", f"{ready:,}", border=True, width="content")
        existing = import_.counts.get(RowState.EXISTS, 0)
        st.metric(
            "Already existed",
            f"{existing:,}",
            border=True,
            width="content",
            help="Nothing is sent for these.",
        )
        st.metric("Invalid", f"{invalid:,}", border=True, width="content", help="Nothing is sent for these.")
    show_problems(import_)
    if invalid:
        downloads.link(visit, import_, Variant.ALL, "All rows, with what is wrong")
    _resembling(visit, import_)
    for sentence in import_.totals.get("not_checked", []):
        look.warning(str(sentence))
    if ready:
        _confirm(visit, import_, ready, invalid)
    else:
        st.write("There is nothing to create.")
        _discard(visit, import_, "Import another file")


def _resembling(visit: Visit, import_: Import) -> None:
    """Rows that are most likely corrections of balances made before: a person says whether they are new."""
    if not (n := int(import_.totals.get("looks_like", 0))):
        return
    look.warning(
        f"{words.plural(n, 'row')} left out: there is a balance in Blnk, made here before, that differs from "
        "the row in little. A balance cannot be changed by importing it again; this would make another one."
    )
    with st.expander("Which rows these are, and what they look like"):
        with visit.desk.journal.read() as tx:
            found = rows.page(tx, import_.number, states=[RowState.LEFT_OUT], limit=_RESEMBLING_SHOWN)
        alike = {"Row": [row.label for row in found], "Looks like": [row.message or "" for row in found]}
        st.dataframe(alike, hide_index=True)
    person.name_field(visit)
    if st.button("Create these too"):
        try:
            who = person.name(visit)
        except ValueError as no_name:
            look.problem(str(no_name))
        else:
            with visit.desk.journal.write() as tx:
                preparing.create_resembling_too(tx, import_, who=who)
            st.rerun()


def _understood(import_: Import) -> None:
    st.write(look.safe(file_words.reading(import_)))
    with st.expander("Columns, and what they become"):
        columns = (import_.mapping or {}).get("columns", [])
        samples = (import_.shape or {}).get("samples", [])
        firsts = [
            next((one[1][c["position"]] for one in samples if one[1][c["position"]]), "") for c in columns
        ]
        st.dataframe(
            {
                "Column": [one["header"] or f"Column {one['position'] + 1}" for one in columns],
                "Becomes": [file_words.becomes(one) for one in columns],
                "For example": firsts,
            },
            hide_index=True,
        )


def _confirm(visit: Visit, import_: Import, ready: int, invalid: int) -> None:
    st.subheader("Confirm")
    seen_key = f"seen-{import_.id}"
    seen = st.session_state.get(seen_key, import_.version)
    st.session_state[seen_key] = import_.version
    if visit.connection is None:
        banner.sending_here(visit, import_)
        return
    st.markdown(
        f"{words.plural(ready, 'balance')} will be created in **{look.safe(visit.connection.label)}** "
        f"(**{look.environment(import_.instance)}**). Balances cannot be deleted."
    )
    _by_ledger(import_)
    person.name_field(visit)
    typed = None
    if visit.connection.is_production:
        typed = st.text_input(f"Type {ready:,} to confirm", key=f"typed-{import_.id}-{import_.version}")
    label = f"Create {words.plural(ready, 'balance')}"
    if invalid:
        label = f"Create the {ready:,} good ones, leave {invalid:,} out"
    with st.container(horizontal=True):
        pressed = st.button(label, type="primary", key=f"confirm-{import_.id}")
        _discard(visit, import_, "Discard this draft")
    if pressed:
        _hand_over(visit, import_, seen, typed)


def _by_ledger(import_: Import) -> None:
    """Each ledger by name and id with its balances; as a grid where there are many."""
    parts = file_words.by_ledger(import_.totals)
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
    st.write(f"In all {look.safe(file_words.by_currency(import_.totals))}.")


def _hand_over(visit: Visit, import_: Import, seen: int, typed: str | None) -> None:
    desk = visit.desk
    try:
        who = person.name(visit)
        drafts.confirm(desk.journal, desk.settings, id=import_.id, who=who, version=seen, typed=typed)
    except (ValueError, NotConfirmed) as problem:
        look.problem(str(problem))
    else:
        st.rerun()


def _discard(visit: Visit, import_: Import, label: str) -> None:
    if st.button(label, key=f"discard-{import_.id}"):
        with visit.desk.journal.write() as tx:
            imports.cancel(tx, import_.number, who=visit.who or import_.who)
        st.query_params.pop("import", None)
        st.rerun()
