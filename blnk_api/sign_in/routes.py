"""The addresses of sign-in: to a provider, back from it, and signing out."""

import logging
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from blnk_api.desk.desk import open_store
from blnk_api.settings import Settings
from blnk_api.sign_in import addresses, cookies, page, provider, proxy_header, session_here
from blnk_api.sign_in.failures import SignInFailed
from blnk_api.sign_in_settings import Provider, SignIn
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import EndedHow, Session

_log = logging.getLogger(__name__)
_LOGGED_CHARACTERS = 500


def answer(settings: Settings, sign_in: SignIn, request: Request) -> Response:
    """Runs in a thread, because it may wait for a provider."""
    path, method = request.url.path, request.method
    if path == addresses.END and method in ("GET", "POST"):
        return _end(settings, sign_in, request)
    if method not in ("GET", "HEAD"):
        return page.answer("This address cannot be opened this way", status=405)
    try:
        if path == addresses.START:
            return _start(settings, sign_in, request)
        if path == addresses.CALLBACK and sign_in.proxy is None:
            return _callback(settings, sign_in, request)
    except SignInFailed as failed:
        _log.warning("A sign-in failed: %s", (failed.why or str(failed))[:_LOGGED_CHARACTERS])
        links = () if sign_in.proxy else [_again(sign_in, "/")]
        return page.answer("You are not signed in", str(failed), links=links, status=failed.status)
    if path == addresses.OUT:
        return page.answer("You are signed out", links=[_again(sign_in, "/")])
    return page.answer("There is no such page", links=[_again(sign_in, "/")], status=404)


def _start(settings: Settings, sign_in: SignIn, request: Request) -> Response:
    to = addresses.safe(request.query_params.get("to", "/"))
    session = session_here.find(open_store(settings), sign_in, request.cookies)
    if sign_in.proxy is not None:
        proxy_header.who(sign_in.proxy, request.headers)  # raises if nobody is signed in
        return _go(addresses.on(sign_in.url, to))
    if session is not None:
        return _go(addresses.on(sign_in.url, to))
    named = request.query_params.get("with")
    chosen = list(sign_in.providers.values()) if named is None else [sign_in.providers.get(named)]
    if len(chosen) == 1 and chosen[0] is not None:
        address, begun = provider.begin(chosen[0], _callback_address(sign_in), to)
        return _go(address, cookies.keep_begun(sign_in, begun, request.cookies))
    return page.answer("Sign in", links=[_with(one, to) for one in sign_in.providers.values()])


def _with(one: Provider, to: str) -> tuple[str, str]:
    query = {"with": one.name} | ({"to": to} if to != "/" else {})
    return f"Sign in with {one.label}", f"{addresses.START}?{urlencode(query)}"


def _callback(settings: Settings, sign_in: SignIn, request: Request) -> Response:
    state = request.query_params.get("state", "")
    begun = cookies.begun_of(sign_in, state, request.cookies)
    chosen = sign_in.providers.get(begun.provider) if begun is not None else None
    if begun is None or chosen is None:
        raise SignInFailed(
            "This sign-in was started in another browser, or more than ten minutes ago. Nobody was signed "
            "in. Sign in again.",
            "nothing was kept for this state",
        )
    who = provider.finish(chosen, _callback_address(sign_in), begun, request.query_params)
    value = session_here.begin(settings, sign_in, chosen.name, who, request.cookies)
    kept = [cookies.keep_session(sign_in, value), cookies.forget_begun(sign_in, state)]
    to = addresses.on(sign_in.url, begun.to)
    if not who.groups_left_out:
        return _go(to, kept)
    response = page.answer(
        "You are signed in without your groups",
        f"You are a member of so many groups that {chosen.label} sent a link to them instead of the groups "
        "themselves. Roles that are given to groups do not count for you.",
        "Whoever runs this server can give you a role by name or by an app role, or have fewer groups sent.",
        links=[("Continue", to)],
    )
    return _with_cookies(response, kept)


def _end(settings: Settings, sign_in: SignIn, request: Request) -> Response:
    """Signs out at once from a link on our own pages. A link from elsewhere only asks."""
    session = session_here.find(open_store(settings), sign_in, request.cookies)
    if session is None:
        out = addresses.on_own(sign_in.url, addresses.OUT)
        return _go(out, cookies.forget_session(sign_in, request.cookies))
    leads_to = _end_elsewhere(sign_in, session)
    if request.method == "GET" and request.headers.get("sec-fetch-site") != "same-origin":
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(leads_to)) if leads_to.startswith("http") else ""
        return page.answer("Sign out of Balance Desk?", button="Sign out", form_leads_to=origin)
    with open_store(settings).write() as tx:
        sessions.end(tx, session.id, EndedHow.SIGNED_OUT)
    return _go(leads_to, cookies.forget_session(sign_in, request.cookies))


def _end_elsewhere(sign_in: SignIn, session: Session) -> str:
    """The address at which the provider or the proxy ends its own session, or our own page if there is
    none."""
    out = addresses.on_own(sign_in.url, addresses.OUT)
    if sign_in.proxy is not None:
        url = sign_in.proxy.sign_out_url
        return f"{sign_in.url}{url}" if url.startswith("/") else url or out
    chosen = sign_in.providers.get(session.provider)
    return (chosen and provider.end_address(chosen, out)) or out


def _callback_address(sign_in: SignIn) -> str:
    return addresses.on_own(sign_in.url, addresses.CALLBACK)


def _again(sign_in: SignIn, to: str) -> tuple[str, str]:
    return "Sign in", addresses.sign_in(sign_in.url, to)


def _go(address: str, set_cookies: Sequence[str] = ()) -> Response:
    return _with_cookies(RedirectResponse(address, 303, {"Cache-Control": "no-store"}), set_cookies)


def _with_cookies(response: Response, set_cookies: Sequence[str]) -> Response:
    for one in set_cookies:
        response.headers.append("Set-Cookie", one)
    return response
