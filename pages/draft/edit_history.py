"""What people changed in a file's rows before they were sent. In a draft, each act is a line with Undo."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.drafts.edits import undo
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.drafts.edits.undo import EditAct
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.states import ImportState
from blnk_api.wording import about_edits, about_files, about_rows, phrases
from pages.draft.fix import table_state, undo_lines
from pages.kit import look, permission, person
from pages.kit.context import Visit

_SHOWN = 20
_CELLS = 200


def show(visit: Visit, import_: Import) -> None:
    """Shows nothing if nothing was changed."""
    with visit.desk.store.read() as tx:
        changed = edits.of_import(tx, import_.number)
    if not changed or import_.purged_at is not None:
        return
    acts = undo.acts(changed)
    with st.expander(f"Edits ({len(changed):,})", key=f"changes-{import_.id}"):
        if import_.state is ImportState.DRAFT:
            for act in acts[:_SHOWN]:
                _act(visit, import_, act)
        _cells(visit, import_, changed)


def _act(visit: Visit, import_: Import, act: EditAct) -> None:
    zone = phrases.zone(st.context.timezone)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(gap=None, width="stretch"):
            st.markdown(look.safe(about_edits.sentence(act.edits, about_files.columns(import_))))
            st.caption(look.safe(f"{person.called(visit, act.who)}, {phrases.when(act.at, zone)}"))
        if permission.may(visit, Act.CHANGE_DRAFT):
            st.button(
                "Undo",
                key=f"undo-edit-{act.at}",
                type="tertiary",
                disabled=not act.can_be_undone,
                on_click=_undo,
                args=[visit, import_, act.at],
            )


def _undo(visit: Visit, import_: Import, at: float) -> None:
    undo_lines.forget(import_)
    try:
        undo.undo(visit.desk.store, import_.id, at, **undo_lines.by(visit))
    except (NotRepairable, NotAllowed) as problem:
        undo_lines.of(import_).problem = str(problem)
    table_state.forget(import_.id)


def _cells(visit: Visit, import_: Import, changed: list[edits.RecordedEdit]) -> None:
    names = about_files.columns(import_)
    zone = phrases.zone(st.context.timezone)
    newest = changed[::-1][:_CELLS]
    st.dataframe(
        {
            "Row": [str(one.number) for one in newest],
            "Column": ["Whole row" if one.position is None else names[one.position] for one in newest],
            "Before": [_value(one, one.old) for one in newest],
            "After": [_value(one, one.new) for one in newest],
            "Who": [person.called(visit, one.who) for one in newest],
            "When": [phrases.when(one.at, zone) for one in newest],
        },
        hide_index=True,
    )
    if len(changed) > _CELLS:
        st.caption(f"The newest {_CELLS:,} edits are shown. The receipt lists all of them.")


def _value(one: edits.RecordedEdit, stored: str) -> str:
    return about_rows.whole_row(stored) if one.position is None else stored
