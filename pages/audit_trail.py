"""Audit trail: who did what and when, for people with permission, with a download that includes the links."""

from datetime import datetime, time, timedelta

import streamlit as st

from blnk_api.access.acts import Act
from blnk_api.files.kinds import FileKind
from blnk_api.reports import trail
from blnk_api.store.trail.reading import Wanted
from blnk_api.web import list_routes
from blnk_api.wording import phrases
from blnk_api.wording.whole_desk import about_trail
from pages.kit import context, look, permission, person

_SHOWN = 200

here = context.current()
connection = here.connected()
st.page_link("connection.py", label="Connection", icon=":material/arrow_back:", query_params=here.query())
st.title("Audit trail")
if not permission.offered_in(here, Act.SEE_TRAIL, None):
    st.stop()
zone = here.desk.settings.time_zone
st.caption(
    "Everything that happened on this desk, newest first. Entries can be added, but not changed or deleted: "
    f"each is linked to the one before. Days are in the time zone {look.safe(str(zone))}."
)
with st.container(horizontal=True, vertical_alignment="bottom"):
    name = st.text_input("Person", key="person", bind="query-params", placeholder="Name or email")
    first = st.date_input("From", value=None, key="from", bind="query-params", width=160)
    last = st.date_input("Until", value=None, key="until", bind="query-params", width=160)
wanted = Wanted(
    since=datetime.combine(first, time(), zone).timestamp() if first else None,
    before=datetime.combine(last + timedelta(days=1), time(), zone).timestamp() if last else None,
    person=(name or "").strip(),
)
found = trail.newest(here.desk.store, person.or_nobody(here), wanted, limit=_SHOWN)
if not found:
    st.write("No matching entries.")
    st.stop()
with st.container(key="audit-trail"):
    st.dataframe(
        {
            "When": [phrases.exactly(one.at, zone) for one in found],
            "Who": [phrases.actor(one.who) for one in found],
            "What": [about_trail.event(one) for one in found],
            "Import": [one.import_id or "" for one in found],
        },
        hide_index=True,
        height="content" if len(found) <= 15 else 560,
        column_config={
            "Who": st.column_config.TextColumn(width="medium"),
            "What": st.column_config.TextColumn(width="large"),
        },
    )
if len(found) == _SHOWN:
    st.caption(f"The newest {_SHOWN} are shown. The downloads have all of them.")
with st.container(horizontal=True, vertical_alignment="center"):
    for kind in FileKind:
        url = list_routes.trail_url(here.desk.links, connection, wanted, kind)
        st.link_button(f"Download as {kind.upper()}", url, icon=":material/download:")
    st.caption("Import by import, each entry with its number and SHA-256 link.", width="content")
