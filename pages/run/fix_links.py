"""Links between an import and those that fix its rows, and the button that opens a draft."""

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.review import draft_of_fixes
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import fix_families
from blnk_api.store.states import ImportState
from blnk_api.wording import phrases
from pages.kit import look, permission, person
from pages.kit.context import Visit
from pages.run.rows import resolve

_NEW = "new-fix"
"""The id of the next draft that fixes rows, so that clicking twice creates one."""


def offer(
    visit: Visit, import_: Import, *, count: int, row: StoredRow | None = None, asks_name: bool = True
) -> bool:
    """The button, if there is something to fix. Returns whether it is shown. `row`: only this row.

    `asks_name`: unless the page asks for it elsewhere.
    """
    if not count or visit.connection is None or not draft_of_fixes.is_possible(import_):
        return False
    if not permission.offered(visit, Act.FIX_ROWS):
        return False
    id: str = st.session_state.setdefault(f"{_NEW}-{import_.id}", imports.new_id())
    label = "Fix this row" if count == 1 else f"Fix these {count:,} rows"
    with st.container(horizontal=True, vertical_alignment="bottom", key="fix-these"):
        if asks_name:
            person.name_field(visit)
        pressed = st.button(label, type="primary", key=f"fix-{row.id if row else import_.id}")
    st.caption(
        "Opens a draft of just these rows, with the same columns. Nothing is sent until you confirm it. If "
        "you discard it, the rows return to this import."
    )
    if pressed:
        chosen = None if row is None else [row.id]
        store = visit.desk.store
        resolve.by_name(
            visit,
            lambda who: draft_of_fixes.open_draft(store, import_, id=id, who=who, row_ids=chosen),
            then=lambda: _open(visit, import_, id),
        )
    return True


def _open(visit: Visit, import_: Import, id: str) -> None:
    st.session_state.pop(f"{_NEW}-{import_.id}", None)
    st.switch_page("import_file.py", query_params=visit.query(**{"import": id}))


def fixed_in(visit: Visit, import_: Import) -> None:
    """Links to where rows of this import are fixed."""
    with visit.desk.store.read() as tx:
        found = fix_families.fixes_of(tx, import_.number)
    for fix in found:
        rows = "1 row is" if fix.rows == 1 else f"{fix.rows:,} rows are"
        is_draft = fix.state is ImportState.DRAFT
        state = f"{rows} being fixed in a draft" if is_draft else f"{rows} fixed in another import"
        page = "import_file.py" if is_draft else "imports.py"
        query = visit.query(**{"import": fix.id})
        label = f"{state}: open it"
        st.page_link(page, label=label, icon=":material/build:", query_params=query)


def source_of(visit: Visit, import_: Import) -> None:
    """A link to the import whose rows this one fixes."""
    if import_.fixes is None:
        return
    with visit.desk.store.read() as tx:
        source = imports.by_number(tx, import_.fixes)
    zone = phrases.zone(st.context.timezone)
    day = phrases.when(source.confirmed_at or source.created_at, zone)
    label = f"Fixes rows of the import of {day}: open it"
    st.page_link(
        "imports.py",
        label=look.safe(label),
        icon=":material/build:",
        query_params=visit.query(**{"import": source.id}),
    )


def row_is_fixed_in(visit: Visit, row: StoredRow) -> None:
    """On a superseded row's page: a link to where it continues."""
    with visit.desk.store.read() as tx:
        id = fix_families.fixed_in(tx, [row.id]).get(row.id)
        fix = imports.find(tx, id) if id is not None else None
    if fix is None:
        return
    is_draft = fix.state is ImportState.DRAFT
    label = "Open the draft in which it is fixed" if is_draft else "Open the import in which it was fixed"
    page = "import_file.py" if is_draft else "imports.py"
    st.page_link(page, label=label, icon=":material/build:", query_params=visit.query(**{"import": fix.id}))
