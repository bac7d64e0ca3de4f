"""What the viewer may do: other actions are not offered, and the page says who may do them."""

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.settings import Instance
from pages.kit import context, look, person
from pages.kit.context import Visit


def may(visit: Visit, *acts: Act) -> bool:
    """Whether they may do any of these in the instance of this page."""
    return any(person.or_nobody(visit).may(act, visit.instance) for act in acts)


def offered(visit: Visit, act: Act) -> bool:
    """Like `may`. If not, a line in place of the action says who may."""
    return offered_in(visit, act, visit.instance)


def offered_in(visit: Visit, act: Act, instance: Instance | None) -> bool:
    """Like `offered`, in another instance, or, with None, for the whole desk."""
    try:
        person.or_nobody(visit).require(act, instance)
    except NotAllowed as refused:
        st.caption(look.safe(refused.hint, 600))
        return False
    return True


def stop_without_view(visit: Visit) -> None:
    """Ends the page for someone without a role here, without showing any contents."""
    try:
        person.or_nobody(visit).require(Act.VIEW, visit.instance)
    except NotAllowed as refused:
        st.title("No access to this connection")
        context.stop_with(refused.hint)
