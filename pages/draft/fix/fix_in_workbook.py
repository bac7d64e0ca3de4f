"""The rows to put right as a workbook: downloaded, changed, and dropped here again."""

import tempfile
from pathlib import Path

import streamlit as st

from blnk_api.drafts.edits import editing, problem_workbook
from blnk_api.store.imports import Import
from blnk_api.web import routes
from pages.draft.fix import apply_edit
from pages.kit import person
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    with st.expander("Fix in Excel", key=f"repair-file-{import_.id}"):
        url = routes.problem_rows_url(visit.desk.links, import_.id)
        st.link_button("Download invalid rows (XLSX)", url, icon=":material/download:")
        dropped = st.file_uploader(
            "Upload the corrected file",
            key=f"repaired-{import_.id}-{import_.version}",
            help="Its rows replace the rows with the same numbers here. Nothing is sent.",
        )
        if dropped is None:
            return

        def take_over() -> int:
            with tempfile.NamedTemporaryFile(dir=visit.desk.settings.data_dir) as kept:
                kept.write(dropped.getbuffer())
                kept.flush()
                edits = problem_workbook.read_back(visit.desk.store, import_, Path(kept.name), dropped.name)
            return editing.edit(visit.desk.store, import_.id, edits, who=person.or_nobody(visit))

        apply_edit.apply(import_, take_over, nothing="The file contains no changes.")
