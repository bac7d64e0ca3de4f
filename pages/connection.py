"""Connection: which Blnk this is, what the credentials may do, whether it is well."""

import streamlit as st

from blnk_api import words
from blnk_api.errors import BlnkError
from pages.parts import look, visit

here = visit.current()
connection = here.connected()

st.title("Connection")
with st.container(border=True):
    look.fact("Connection", f"{connection.label} ({connection.name})")
    look.fact("Environment", words.ENVIRONMENT[connection.instance.environment])
    look.fact("Address", connection.url or "not running")
    look.fact("Instance id", connection.instance.instance_id)
    look.fact("At most", f"{words.plural(connection.requests_per_minute, 'request')} a minute")
    look.fact("Sending", words.sending(here.sending()))

st.subheader("Is it well?")
if st.button("Check now"):
    try:
        with here.desk.client(connection) as client:
            may_read = client.may_read()
    except BlnkError as problem:
        look.problem(f"No: {problem}")
    else:
        st.success("Blnk answers and accepts these credentials.", icon=":material/check_circle:")
        if may_read:
            st.write("They may read ledgers, identities and balances.")
        else:
            look.warning(
                "They may not read. Ids have to be typed by hand and are not checked beforehand, and a "
                "balance whose answer is lost cannot be looked up."
            )
        st.write("Whether they may create is known after the first balance.")
st.subheader("Where things are kept")
with st.container(border=True):
    look.fact("Data folder", str(here.desk.settings.data_dir))
    look.fact("Secrets file", str(here.desk.settings.secrets_path))
