"""What people changed in a file's rows before they were sent: which cell, what it was, what it is, who."""

import streamlit as st

from blnk_api import file_words, words
from blnk_api.imports.journal import repairs
from blnk_api.imports.journal.imports import Import
from pages.parts.visit import Visit

_SHOWN = 200


def show(visit: Visit, import_: Import) -> None:
    """Nothing where nothing was changed."""
    with visit.desk.journal.read() as tx:
        changed = repairs.of_import(tx, import_.number)
    if not changed or import_.purged_at is not None:
        return
    names = file_words.columns(import_)
    zone = words.zone(st.context.timezone)
    newest = changed[::-1][:_SHOWN]
    with st.expander(f"What was changed here ({len(changed):,})", key=f"changes-{import_.id}"):
        st.dataframe(
            {
                "Row": [str(one.number) for one in newest],
                "Column": [
                    "the whole row" if one.position is None else names[one.position] for one in newest
                ],
                "Was": [one.old for one in newest],
                "Is": [one.new for one in newest],
                "Who": [words.actor(one.who) for one in newest],
                "When": [words.when(one.at, zone) for one in newest],
            },
            hide_index=True,
        )
        if len(changed) > _SHOWN:
            st.caption(f"The newest {_SHOWN:,}; the receipt has all of them.")
