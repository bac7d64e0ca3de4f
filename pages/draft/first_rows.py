"""The first rows of a file as they are read, with the header row marked."""

import streamlit as st

from blnk_api.facts.file_shape import FileShape
from blnk_api.files.column_labels import letters

_ROWS = 8
_HEADER = "background-color: #dbe6ff; color: #16357f; font-weight: 600"
"""CSS does not apply inside a grid, which is a canvas. Both colors are set, so that it is readable in dark
mode."""


def show(shape: FileShape) -> None:
    # Imported here: see app.py.
    import pandas as pd

    names = [letters(at) for at in range(len(shape.headers))]
    read = [(str(record.number), record.cells) for record in shape.samples[:_ROWS]]
    if shape.header_row:
        read.insert(0, (f"{shape.header_row} (names)", shape.headers))
    frame = pd.DataFrame([[number, *cells] for number, cells in read], columns=["Row", *names])
    marked = frame.style.apply(
        lambda row: [_HEADER if shape.header_row and row.name == 0 else ""] * len(row), axis=1
    )
    st.dataframe(
        marked,
        hide_index=True,
        key="first-rows",
        column_config={"Row": st.column_config.TextColumn(width=90, pinned=True)},
    )
