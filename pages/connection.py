"""Connection: which Blnk instance this is, what the credentials may do, its health."""

import streamlit as st

from blnk_api import __version__
from blnk_api.access.acts import Act
from blnk_api.wording import about_files, about_stops, phrases
from blnk_api.wording.approval import requests as about_approval
from pages.health import checks, notifications, practice_faults, signed_in, workers
from pages.kit import context, look, person, stop_switch

here = context.current()
connection = here.connected()

st.title("Connection")
with st.container(border=True):
    which, where = st.columns(2)
    with which:
        look.fact("Connection", f"{connection.label} ({connection.name})")
        look.fact("Environment", phrases.ENVIRONMENT[connection.instance.environment])
        look.fact("Rate limit", f"{connection.requests_per_minute:,} requests/min")
        look.fact("Approval", about_approval.rule(connection.approval))
    with where:
        look.fact("Address", connection.url or "not running")
        look.fact("Instance id", connection.instance.instance_id)
        look.fact("Sender", about_stops.sending(here.sending()))

stop_switch.switch(here, connection)
workers.show(here)
checks.show(here)
if not connection.is_practice:
    notifications.show(here, connection)
if person.or_nobody(here).may(Act.SEE_TRAIL, None):
    st.page_link("audit_trail.py", label="Audit trail", icon=":material/history:", query_params=here.query())
if connection.is_practice:
    practice_faults.show(here)
signed_in.show(here)
st.subheader("Installation")
with st.container(border=True):
    look.fact("Version", __version__)
    look.fact(*about_files.kept_in(here.desk.settings))
    look.fact("Secrets file", str(here.desk.settings.secrets_path))
    look.fact("Time zone of monthly totals", str(here.desk.settings.time_zone))
