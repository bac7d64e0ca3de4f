"""A proxy signs people in: its header is believed only if it was signed, for this server and not long ago."""

import hmac
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.util import urlsafe_b64encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from blnk_api.common.origins import Site
from blnk_api.sign_in import tokens
from tests.support import signed_in
from tests.support.json_object import JsonObject
from tests.support.signed_in import INSIDE, ROLES, Desk, cookie
from tests.support.web import served

HEADER = "Cf-Access-Jwt-Assertion"
ISSUER, AUDIENCE = "https://acme.cloudflareaccess.com", "aud_1"


class SigningProxy:
    """Publishes its keys, and signs."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1"})
        self.published = [self.key]
        self.asked = 0
        self.url = ""

    async def keys(self, _: Request) -> JSONResponse:
        self.asked += 1
        return JSONResponse({"keys": [one.as_dict(private=False) for one in self.published]})

    def token(self, *, key: RSAKey | None = None, **claims: Any) -> str:
        said: JsonObject = {"iss": ISSUER, "aud": [AUDIENCE], "sub": "ada", "email": "ada@acme.example"}
        said |= {"iat": int(time.time()), "exp": int(time.time()) + 600, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, said, key)

    def secrets(self, url: str) -> str:
        return f"""[sign_in]
url = "{url}"
[sign_in.proxy]
header = "{HEADER}"
jwks = "{self.url}/certs"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
trust_email = true
sign_out_url = "/cdn-cgi/access/logout"
"""


@pytest.fixture(scope="module")
def _proxy() -> Iterator[SigningProxy]:
    proxy = SigningProxy()
    with served(Starlette(routes=[Route("/certs", proxy.keys)])) as url:
        proxy.url = url
        yield proxy


@pytest.fixture
def proxy(_proxy: SigningProxy, monkeypatch: pytest.MonkeyPatch) -> SigningProxy:
    """As it was at first, and nobody knows its keys."""
    _proxy.published = [_proxy.key]
    _proxy.asked = 0
    monkeypatch.setattr(tokens, "_keys", {})
    return _proxy


@pytest.fixture
def desk(open_desk: Desk, proxy: SigningProxy) -> Desk:
    open_desk.write_secrets(proxy.secrets(open_desk.url) + ROLES)
    return open_desk


def test_a_person_named_by_the_proxy_gets_a_session(desk: Desk, proxy: SigningProxy) -> None:
    ada = desk.browser()
    said = {HEADER: proxy.token()}
    page = ada.open("/imports?connection=x", **said)
    assert INSIDE in page.text
    assert cookie(page, "desk_session").endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert ada.connects(**said)
    assert ada.ask("PUT", "/_stcore/upload_file/a/b", **said).status_code == 200
    [session] = desk.sessions()
    assert (session.who.issuer, session.who.subject, session.provider) == (ISSUER, "ada", "proxy")
    assert session.who.email_verified
    assert INSIDE in ada.open("/", **{HEADER: f"Bearer {proxy.token()}"}).text
    assert len(desk.sessions()) == 1


def forged(proxy: SigningProxy) -> dict[str, str]:
    other = RSAKey.generate_key(2048, {"kid": "1"})
    good = proxy.token()
    head, body, signature = good.split(".")
    changed = json.dumps(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": int(time.time()) + 600}
    ).encode()
    shared = urlsafe_b64encode(b'{"alg":"HS256","kid":"1"}').decode() + f".{body}"
    by_public_key = hmac.digest(proxy.key.as_pem(private=False), shared.encode(), "sha256")
    nothing = urlsafe_b64encode(b'{"alg":"none","kid":"1"}').decode()
    return {
        "another signature": proxy.token(key=other),
        "other content": f"{head}.{urlsafe_b64encode(changed).decode()}.{signature}",
        "alg none": f"{nothing}.{body}.",
        "alg none, signed": f"{nothing}.{body}.{signature}",
        "HS256 with the public key": f"{shared}.{urlsafe_b64encode(by_public_key).decode()}",
        "another audience": proxy.token(aud=["aud_2"]),
        "no audience": proxy.token(aud=None),
        "another issuer": proxy.token(iss="https://evil.cloudflareaccess.com"),
        "no issuer": proxy.token(iss=None),
        "expired": proxy.token(exp=int(time.time()) - 3600),
        "without an end": proxy.token(exp=None),
        "not yet": proxy.token(nbf=int(time.time()) + 3600),
        "nobody": proxy.token(sub=None),
        "no token": "ada@acme.example",
        "empty": "",
        "cut off": good[:-20],
    }


def test_what_the_proxy_did_not_sign_for_this_server_is_never_trusted(
    desk: Desk, proxy: SigningProxy, caplog: pytest.LogCaptureFixture
) -> None:
    ada = desk.browser()
    ada.open("/", **{HEADER: proxy.token()})
    for what, token in forged(proxy).items():
        stranger = desk.browser()
        asked = {HEADER: token}
        assert stranger.open("/", **asked).status_code == 303, what
        assert stranger.open("/sign-in", **asked).status_code in (401, 403), what
        assert stranger.ask("PUT", "/_stcore/upload_file/a/b", **asked).status_code == 401, what
        assert not stranger.connects(**asked), what
        # Nor does the cookie of a session help without the header.
        assert ada.ask("GET", "/download/x", **asked).status_code == 401, what
        assert not ada.connects(**asked), what
        assert len(token) < 30 or token not in caplog.text
    assert not ada.connects()
    assert INSIDE not in desk.browser().open("/").text
    assert len(desk.sessions()) == 1


def test_two_headers_name_nobody(desk: Desk, proxy: SigningProxy) -> None:
    browser = desk.browser()
    browser.open("/", **{HEADER: proxy.token()})
    assert browser.connects(**{HEADER: proxy.token()})
    assert not browser.connects(**{HEADER: proxy.token(), HEADER.lower(): proxy.token()})


def test_another_person_in_the_same_browser_has_a_session_of_their_own(
    desk: Desk, proxy: SigningProxy
) -> None:
    browser = desk.browser()
    browser.open("/", **{HEADER: proxy.token()})
    eve = {HEADER: proxy.token(sub="eve")}
    assert not browser.connects(**eve)
    assert browser.ask("GET", "/download/x", **eve).status_code == 401
    assert INSIDE in browser.open("/", **eve).text
    assert browser.connects(**eve)
    assert [(one.who.subject, one.ended_at is None) for one in desk.sessions()] == [
        ("eve", True),
        ("ada", False),
    ]


def test_a_new_key_is_fetched_once_it_is_used_and_an_invented_one_asks_no_more_often(
    desk: Desk, proxy: SigningProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        desk.browser().open("/", **{HEADER: proxy.token()})
    assert proxy.asked == 1
    new = RSAKey.generate_key(2048, {"kid": "2"})
    proxy.published = [new]
    monkeypatch.setattr(tokens, "_ASK_AGAIN_SECONDS", 0.0)
    assert INSIDE in desk.browser().open("/", **{HEADER: proxy.token(key=new)}).text
    assert proxy.asked == 2
    monkeypatch.setattr(tokens, "_ASK_AGAIN_SECONDS", 30.0)
    for n in range(5):
        invented = RSAKey.generate_key(2048, {"kid": f"x{n}"})
        assert INSIDE not in desk.browser().open("/", **{HEADER: proxy.token(key=invented)}).text
    assert proxy.asked == 2
    assert INSIDE not in desk.browser().open("/", **{HEADER: proxy.token()}).text


def test_signing_out_ends_the_session_and_goes_to_the_proxys_own_address(
    desk: Desk, proxy: SigningProxy
) -> None:
    ada = desk.browser()
    said = {HEADER: proxy.token()}
    ada.open("/", **said)
    out = ada.open("/sign-in/end", **said, **{"Sec-Fetch-Site": "same-origin"})
    assert out.headers["Location"] == f"{desk.url}/cdn-cgi/access/logout"
    assert not ada.connects(**said)


def test_a_request_around_the_proxy_is_told_so(desk: Desk) -> None:
    stranger = desk.browser()
    told = stranger.open(stranger.open("/imports").headers["Location"])
    assert told.status_code == 401
    assert "did not come through it" in told.text


UNSIGNED = """[sign_in]
url = "http://127.0.0.1:1"
[sign_in.proxy]
header = "Tailscale-User-Login"
trust_unsigned = true
"""


def test_an_unsigned_header_is_trusted_while_only_this_machine_can_reach_the_server(open_desk: Desk) -> None:
    open_desk.write_secrets(UNSIGNED + ROLES)
    ada = {"Tailscale-User-Login": "ada@acme.example"}
    browser = open_desk.browser()
    assert INSIDE in browser.open("/", **ada).text
    assert browser.connects(**ada)
    assert not browser.connects()
    [session] = open_desk.sessions()
    assert (session.who.email, session.who.email_verified) == ("ada@acme.example", True)
    for nobody in ("", "a" * 300):
        assert open_desk.browser().open("/", **{"Tailscale-User-Login": nobody}).status_code == 303


@pytest.mark.parametrize("address", [None, "0.0.0.0", "192.0.2.7", "::"])
def test_an_unsigned_header_is_rejected_if_others_can_reach_the_server(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    shutil.copy(empty_store, tmp_path / "journal.db")
    with signed_in.desk(tmp_path, monkeypatch, Site(address=address)) as desk:
        desk.write_secrets(UNSIGNED + ROLES)
        answer = desk.browser().open("/", **{"Tailscale-User-Login": "ada@acme.example"})
        assert answer.status_code == 503
        assert "sign_in.proxy.trust_unsigned" in answer.text
        assert not desk.browser().connects(**{"Tailscale-User-Login": "ada@acme.example"})
