"""The rows to fix as a workbook: download it, change it, and upload it here again."""

import tempfile
from pathlib import Path

import streamlit as st

from blnk_api.drafts.edits import editing, problem_workbook
from blnk_api.drafts.edits.problem_workbook import NotTheseRows
from blnk_api.store.imports import Import
from blnk_api.web import routes
from blnk_api.wording import phrases
from pages.draft.fix import undo_lines
from pages.kit.context import Visit

_KEY = "workbook"


def show(visit: Visit, import_: Import) -> None:
    with st.expander("Fix in Excel", key=f"repair-file-{import_.id}"):
        url = routes.problem_rows_url(visit.desk.links, import_.id)
        st.link_button("Download invalid rows (XLSX)", url, icon=":material/download:")
        key = f"repaired-{import_.id}-{import_.version}"

        def take_over() -> int:
            dropped = st.session_state[key]
            with tempfile.NamedTemporaryFile(dir=visit.desk.settings.scratch_dir) as kept:
                kept.write(dropped.getbuffer())
                kept.flush()
                edits = problem_workbook.read_back(visit.desk.store, import_, Path(kept.name), dropped.name)
            if not editing.edit(visit.desk.store, import_.id, edits, **undo_lines.by(visit)):
                raise NotTheseRows("The file contains no changes.")
            return len(edits)

        def uploaded() -> None:
            if st.session_state.get(key) is not None:
                undo_lines.act(
                    visit, import_, _KEY, take_over, lambda n: f"Changed {phrases.plural(n, 'cell')}."
                )

        st.file_uploader(
            "Upload the corrected file",
            key=key,
            help="Its rows replace the rows with the same numbers here. Nothing is sent.",
            on_change=uploaded,
        )
        if _KEY in undo_lines.of(import_).done:
            undo_lines.line(import_, _KEY)
