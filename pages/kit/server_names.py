"""The names and addresses of this server, from Streamlit's options and ours."""

import os

import streamlit as st

from blnk_api import settings
from blnk_api.common.origins import Origin, Site
from blnk_api.desk import sign_in_required
from blnk_api.errors import SettingsProblem


def site() -> Site:
    try:
        public = settings.public_url(os.environ) or _where_people_sign_in()
    except SettingsProblem:
        public = None  # pages show the problem
    return Site(
        address=st.get_option("server.address"),
        shown_address=st.get_option("browser.serverAddress"),
        allowed_hosts=st.get_option("server.allowedHosts") or (),
        listed_origins=st.get_option("server.corsAllowedOrigins") or (),
        public=public,
    )


def _where_people_sign_in() -> Origin | None:
    sign_in = sign_in_required.now()
    return sign_in.url if sign_in is not None and sign_in.is_https else None


def address() -> str:
    """The address of the pages, and who can reach it."""
    here = site()
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    host = here.shown_address or here.address or "localhost"
    url = str(here.public or f"{scheme}://{host}:{st.get_option('server.port')}")
    return f"{url} ({'open to the network' if here.is_for_others else 'this machine only'})"
