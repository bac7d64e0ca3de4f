"""What a person reads when a page fails. The details are in the server's log, never on the page, except for
what support needs to know about Blnk's answer."""

import streamlit as st
from sqlalchemy.exc import OperationalError

from blnk_api.access.actors import NotAllowed
from blnk_api.errors import BlnkError
from blnk_api.store import StoreUnavailable, failures
from blnk_api.wording import about_errors
from pages.kit import context, look


def show(problem: Exception) -> bool:
    """Returns True, so that Streamlit shows nothing else."""
    match problem:
        case OperationalError():
            text = f"{failures.explain(problem)} Your last action was not carried out: repeat it afterwards."
        case StoreUnavailable() | NotAllowed():
            text = str(problem)
        case _:
            text = (
                "This page could not be displayed completely. Nothing was sent because of it, and confirmed "
                "imports continue. Reload the page; if that does not help, check the server's log."
            )
    st.error(text, icon=":material/error:")
    if isinstance(problem, NotAllowed) and context.is_signed_out():
        context.sign_in_again()
    if isinstance(problem, BlnkError):
        look.details(about_errors.details(problem))
    return True
