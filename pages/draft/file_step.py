"""The first step of a draft: how its file is read."""

import streamlit as st

from blnk_api.store.imports import Import
from blnk_api.store.states import Stage
from blnk_api.wording import about_files, phrases
from pages.draft import first_rows, reading_options
from pages.draft.fix import problem_list
from pages.kit import look
from pages.kit.context import Visit


def show(visit: Visit, import_: Import) -> None:
    if import_.stage is Stage.UNREADABLE:
        look.problem(import_.problem or "The file cannot be used.")
        reading_options.show(visit, import_)
        st.write("Nothing was sent. Correct the file and import it again.")
        return
    if import_.shape is None:
        st.write("The file is read here first. Nothing is sent.")
        return
    st.subheader("File")
    if import_.fixes is not None:
        st.write("These rows come from an earlier import of this file, as they were read at that time.")
        return
    st.write(look.safe(about_files.reading(import_)))
    if len(import_.shape.sheets) > 1:
        others = [one for one in import_.shape.sheets if one != import_.shape.sheet]
        st.caption(look.safe(f"Other sheets, which are not read: {phrases.listed(others)}."))
    problem_list.about_the_file(import_)
    first_rows.show(import_.shape)
    reading_options.show(visit, import_)
