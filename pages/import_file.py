"""Import a file: upload it, check it, confirm it; then follow it."""

import streamlit as st

from blnk_api.store.states import ImportState
from pages.draft import draft_page, upload
from pages.history import yours
from pages.kit import context
from pages.run import import_page

here = context.current()

if here.import_ is None:
    st.title("Import a file")
    st.write(
        "Each row of your file becomes exactly one balance, or you see why not. The whole file is "
        "checked first, and nothing is sent until you confirm."
    )
    upload.show(here)
    yours.show(here)
elif here.import_.kind == "form":
    st.switch_page("create_balance.py", query_params=here.query(**{"import": here.import_.id}))
elif here.import_.state is ImportState.DRAFT:
    draft_page.show(here, here.import_)
else:
    import_page.show(here, here.import_)
