"""Notifications of a connection: the number of addresses, the last one sent, and a test."""

from collections.abc import Callable

import streamlit as st

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.desk import last_notifications
from blnk_api.settings import Connection
from blnk_api.store.outbox import notifications
from blnk_api.wording import about_notifications, phrases
from pages.kit import auto_refresh, look, permission, person
from pages.kit.context import Visit


def show(visit: Visit, connection: Connection) -> None:
    st.subheader("Notifications")
    if not connection.notify:
        st.caption(about_notifications.NONE_SET_UP)
        return
    last = last_notifications.last(visit.desk, connection)
    is_sent = last is not None and last.delivered.is_on_its_way
    with st.container(border=True, key="notifications"):
        every = visit.desk.settings.waits.page_refresh if is_sent else None
        auto_refresh.show(lambda redraw: _last(visit, connection, redraw, is_sent=is_sent), every=every)
        if permission.offered(visit, Act.TEST_NOTIFICATIONS):
            st.button(
                "Send a test notification",
                icon=":material/send:",
                on_click=_test,
                args=[visit, connection],
            )


def _last(visit: Visit, connection: Connection, redraw: Callable[[], None], *, is_sent: bool) -> None:
    last = last_notifications.last(visit.desk, connection)
    if is_sent and last is not None and not last.delivered.is_on_its_way:
        redraw()
    n = len(connection.notify)
    look.fact("Addresses", about_notifications.addresses(n))
    if last is None:
        look.fact("Last notification", "None so far")
        return
    delivered = last.delivered
    at = phrases.when(delivered.sent_at or delivered.notification.at, phrases.zone(st.context.timezone))
    what = about_notifications.headline(delivered.notification, last.import_)
    look.fact("Last notification", f"{what} · {at} · {about_notifications.how_it_went(delivered, of=n)}")
    for sentence in last.failing:
        look.warning(sentence)


def _test(visit: Visit, connection: Connection) -> None:
    try:
        with visit.desk.store.write() as tx:
            notifications.test(tx, connection.instance, who=person.or_nobody(visit))
    except NotAllowed as refused:
        st.toast(str(refused))
