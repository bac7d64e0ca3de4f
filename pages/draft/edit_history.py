"""What people changed in a file's rows before they were sent: which cell, what it was, what it is, who."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.wording import about_files, about_rows, phrases
from pages.kit.context import Visit

_SHOWN = 200


def show(visit: Visit, import_: Import) -> None:
    """Nothing where nothing was changed."""
    with visit.desk.store.read() as tx:
        changed = edits.of_import(tx, import_.number)
    if not changed or import_.purged_at is not None:
        return
    names = about_files.columns(import_)
    zone = phrases.zone(st.context.timezone)
    newest = changed[::-1][:_SHOWN]
    with st.expander(f"Edits ({len(changed):,})", key=f"changes-{import_.id}"):
        st.dataframe(
            {
                "Row": [str(one.number) for one in newest],
                "Column": ["Whole row" if one.position is None else names[one.position] for one in newest],
                "Before": [one.old for one in newest],
                "After": [
                    about_rows.whole_row(one.new) if one.position is None else one.new for one in newest
                ],
                "Who": [phrases.actor(one.who) for one in newest],
                "When": [phrases.when(one.at, zone) for one in newest],
            },
            hide_index=True,
        )
        if len(changed) > _SHOWN:
            st.caption(f"The newest {_SHOWN:,} edits are shown. The receipt lists all of them.")
