"""Signing in with a provider: nothing comes in without it, and a link is kept through it."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from blnk_api.desk import sign_in_required
from blnk_api.desk.desk import open_store
from blnk_api.sign_in import provider as oidc
from blnk_api.sign_in import tokens
from blnk_api.sign_in_settings import SignIn
from blnk_api.store import tables
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import EndedHow
from tests.support.actors import signed_in
from tests.support.provider import PERSON, Provider
from tests.support.signed_in import EVERYONES, INSIDE, ROLES, Desk, cookie

LINK = "/import_file?import=imp_1&connection=x%20y"


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_without_sign_in_everything_is_open_as_before(open_desk: Desk) -> None:
    anybody = open_desk.browser()
    assert anybody.is_inside()
    assert anybody.connects()
    assert anybody.ask("PUT", "/_stcore/upload_file/a/b").status_code == 200
    assert INSIDE in anybody.open("/sign-in").text


def test_nothing_is_accepted_while_the_secrets_file_cannot_be_read(open_desk: Desk) -> None:
    open_desk.write_secrets("[sign_in")
    anybody = open_desk.browser()
    assert anybody.is_inside(), "a page says what is wrong with the file"
    for method in ("PUT", "POST", "DELETE"):
        refused = anybody.ask(method, "/_stcore/upload_file/a/b")
        assert refused.status_code == 503
        assert "is not valid TOML" in refused.text
    open_desk.write_secrets("")
    assert anybody.ask("PUT", "/_stcore/upload_file/a/b").status_code == 200


def test_without_a_session_nothing_is_open_but_sign_in(desk: Desk) -> None:
    stranger = desk.browser()
    page = stranger.open(LINK)
    assert page.status_code == 303
    assert page.headers["Location"].startswith(f"{desk.url}/sign-in?to=")
    assert INSIDE not in page.text
    assert not stranger.connects()
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        for path in (
            "/",
            "/_stcore/upload_file/a/b",
            "/_stcore/metrics",
            "/_stcore/health",
            "/media/a.csv",
            "/static/main.js",
            "/download/token",
            "/sign-inside",
            "/anything-that-comes-later",
        ):
            answer = stranger.ask(method, path)
            assert answer.status_code == 401, (method, path)
            assert INSIDE not in answer.text
    assert stranger.open("/_stcore/stream").status_code == 401
    for path in ("/sign-in/x", "/sign-in/callback/../../", "/sign-in//"):
        assert INSIDE not in stranger.open(path).text


def test_an_ended_session_opens_streamlits_own_files_and_nothing_else(desk: Desk, provider: Provider) -> None:
    stranger, ada = desk.browser(), desk.browser()
    ada.sign_in(provider, "ada")
    for method in ("GET", "HEAD"):
        assert stranger.ask(method, EVERYONES).status_code == 401
        assert ada.ask(method, EVERYONES).status_code == 200
    ada.ask("POST", "/sign-in/end")
    assert not ada.is_inside()
    assert INSIDE in ada.ask("GET", EVERYONES).text
    assert ada.ask("HEAD", EVERYONES).status_code == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ada.ask(method, EVERYONES).status_code == 401
    for path in ("/x", "/", "x", "/../stream", "%2f..%2fstream"):
        assert ada.ask("GET", f"{EVERYONES}{path}").status_code == 401, path
    assert not ada.connects()
    ada.sign_in(provider, "ada")
    assert ada.is_inside()


def test_a_person_signs_in_and_returns_to_their_link(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    back = ada.sign_in(provider, "ada", to=LINK)
    assert back.status_code == 303
    assert back.headers["Location"] == f"{desk.url}{LINK}"
    assert INSIDE in ada.open(back.headers["Location"]).text
    assert ada.connects()
    assert ada.ask("PUT", "/_stcore/upload_file/a/b").status_code == 200
    [session] = desk.sessions()
    assert (session.who.issuer, session.who.subject) == (provider.url, "ada")
    assert (session.who.name, session.who.email) == ("Ada Lovelace", "ada@acme.example")
    assert session.who.email_verified


def test_the_way_to_the_provider_is_bound_to_this_browser(desk: Desk, provider: Provider) -> None:
    ada, mallory = desk.browser(), desk.browser()
    asked = query(ada.open("/sign-in").headers["Location"])
    again = query(ada.open("/sign-in").headers["Location"])
    assert asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 32
        assert asked[name] != again[name]
    back = provider.comes_back(ada.open("/sign-in").headers["Location"], "ada")
    answer = mallory.open(back)
    assert answer.status_code == 403
    assert "was started in another browser" in answer.text
    assert not mallory.is_inside()
    forged = re.sub(r"state=[^&]+", "state=" + "x" * 32, back)
    assert ada.open(forged).status_code == 403
    assert ada.open(re.sub(r"(state=[^&]+)", r"\1x", back)).status_code == 403
    assert ada.open(back).status_code == 303
    assert ada.open(back).status_code == 403  # once
    assert len(desk.sessions()) == 1


def test_the_cookie_cannot_be_made_from_the_database(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    kept = cookie(ada.sign_in(provider, "ada"), "desk_session")
    value = re.match(r"desk_session=([\w-]{43}); Path=/; HttpOnly; SameSite=Lax$", kept)
    assert value, kept
    with open_store(desk.settings).read() as tx:
        [row] = tx.execute(tables.sessions.select()).mappings()
    assert row["key"] == hashlib.sha256(value[1].encode()).hexdigest()
    assert value[1] not in str(dict(row))
    for other in (row["key"], "x" * 43, value[1][:-1], ""):
        thief = desk.browser()
        thief.http.cookies.set("desk_session", other)
        assert not thief.is_inside()


def test_over_https_the_cookie_is_secure_and_bound_to_its_host(desk: Desk, provider: Provider) -> None:
    desk.write_secrets(provider.secrets("https://desk.example.com") + ROLES)
    ada = desk.browser()
    page = ada.open("/imports?connection=x")
    assert page.headers["Location"] == "https://desk.example.com/sign-in?to=%2Fimports%3Fconnection%3Dx"
    way_there = ada.open("/sign-in?to=%2Fimports")
    kept = cookie(way_there, "__Host-desk_going_[^=]*")
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600" in kept
    assert query(way_there.headers["Location"])["redirect_uri"] == "https://desk.example.com/sign-in/callback"
    back = urlsplit(provider.comes_back(way_there.headers["Location"], "ada"))
    name, _, value = kept.partition(";")[0].partition("=")
    answer = ada.open(f"{back.path}?{back.query}", Cookie=f"{name}={value}")
    assert answer.headers["Location"] == "https://desk.example.com/imports"
    session = cookie(answer, "__Host-desk_session")
    assert session.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    value = session.partition(";")[0].partition("=")[2]
    assert INSIDE in ada.open("/", Cookie=f"__Host-desk_session={value}").text
    assert INSIDE not in ada.open("/", Cookie=f"desk_session={value}").text


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/%0d%0aSet-Cookie:%20a=b",
        "/%2fevil.example",
        "/%5cevil.example",
        "%2f%2fevil.example",
        ".evil.example",
        "@evil.example",
        "/sign-in/end",
        "/sign-in?to=/sign-in",
    ],
)
def test_a_return_address_never_leads_to_another_host(desk: Desk, provider: Provider, to: str) -> None:
    ada = desk.browser()
    for asked in ({"to": to}, {"to": to.replace("%", "%25")}):
        ada.http.cookies.clear()
        way_there = requests.Request("GET", f"{desk.url}/sign-in", params=asked).prepare().url or ""
        back = ada.open(provider.comes_back(ada.open(way_there).headers["Location"], "ada"))
        [where] = back.raw.headers.getlist("Location")
        assert where.startswith(f"{desk.url}/")
        assert urlsplit(where).netloc == urlsplit(desk.url).netloc
        assert not urlsplit(where).path.startswith("/sign-in")
        assert not re.search(r"[\r\n\t\\]", where)
        assert "a" not in back.cookies


def test_a_person_with_200_groups_signs_in_with_a_small_cookie(desk: Desk, provider: Provider) -> None:
    groups = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(200)]
    provider.knows("ada", **PERSON, groups=groups)
    ada = desk.browser()
    ada.sign_in(provider, "ada")
    assert ada.connects()
    assert sum(len(str(one.value)) for one in ada.http.cookies) < 200
    [session] = desk.sessions()
    assert list(session.who.groups) == groups


def test_a_link_in_place_of_groups_is_explained(desk: Desk, provider: Provider) -> None:
    provider.knows("ada", **PERSON, _claim_names={"groups": "src1"}, _claim_sources={"src1": {}})
    ada = desk.browser()
    told = ada.sign_in(provider, "ada", to=LINK)
    assert told.status_code == 200
    assert "signed in without your groups" in told.text
    assert LINK.replace("&", "&amp;") in told.text
    assert ada.is_inside()
    [session] = desk.sessions()
    assert session.who.groups_left_out


@pytest.mark.parametrize(
    ("claims", "is_verified"),
    [({}, False), ({"email_verified": False}, False), ({"email_verified": "yes"}, False)],
)
def test_an_email_counts_only_when_it_is_verified(
    desk: Desk, provider: Provider, claims: dict[str, object], is_verified: bool
) -> None:
    provider.knows("eve", name="Eve", email="ada@acme.example", **claims)
    desk.browser().sign_in(provider, "eve")
    assert desk.sessions()[0].who.email_verified is is_verified
    trusting = provider.secrets(desk.url).replace("client_id", "trust_email = true\nclient_id")
    desk.write_secrets(trusting + ROLES)
    desk.browser().sign_in(provider, "eve")
    assert desk.sessions()[0].who.email_verified is (claims == {})


def test_signing_out_ends_the_session_here_and_at_the_provider(desk: Desk, provider: Provider) -> None:
    ada, other = desk.browser(), desk.browser()
    ada.sign_in(provider, "ada")
    other.http.cookies.update(ada.http.cookies)
    out = ada.open("/sign-in/end", **{"Sec-Fetch-Site": "same-origin"})
    assert out.status_code == 303
    assert out.headers["Location"].startswith(f"{provider.url}/oauth2/end_session?client_id=desk&")
    assert query(out.headers["Location"])["post_logout_redirect_uri"] == f"{desk.url}/sign-in/out"
    assert "token" not in out.headers["Location"]
    assert not other.is_inside()
    assert not other.connects()
    assert ada.open("/sign-in/out").status_code == 200
    [session] = desk.sessions()
    assert session.ended_how is EndedHow.SIGNED_OUT


def test_a_link_of_another_site_signs_nobody_out(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    ada.sign_in(provider, "ada")
    for came_from in ("cross-site", "same-site", "none"):
        asked = ada.open("/sign-in/end", **{"Sec-Fetch-Site": came_from})
        assert asked.status_code == 200
        assert "Sign out of Balance Desk?" in asked.text
        assert f"form-action 'self' {provider.url}" in asked.headers["Content-Security-Policy"]
    assert ada.ask("POST", "/sign-in/end", Origin="https://evil.example").status_code == 403
    assert ada.is_inside()
    assert ada.ask("POST", "/sign-in/end", Origin=desk.url).status_code == 303
    assert not ada.is_inside()


def test_a_session_ends_by_itself_after_its_hours_and_when_it_is_not_used(
    desk: Desk, provider: Provider
) -> None:
    ada = desk.browser()
    ada.sign_in(provider, "ada")
    desk.let_pass(59 * 60)
    assert ada.is_inside()
    desk.let_pass(61 * 60)
    assert not ada.is_inside()
    ada.sign_in(provider, "ada")
    for _ in range(13):
        assert ada.is_inside()
        desk.let_pass(55 * 60)
    assert ada.is_inside()
    desk.let_pass(6 * 60)
    assert not ada.is_inside()


def test_an_ended_session_stops_at_once(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    ada.sign_in(provider, "ada")
    [session] = desk.sessions()
    with open_store(desk.settings).write() as tx:
        assert sessions.end(tx, session.id, EndedHow.BY_ADMIN, by=signed_in())
        assert not sessions.end(tx, session.id, EndedHow.BY_ADMIN, by=signed_in())
    assert not ada.is_inside()
    assert not ada.connects()


def test_signing_in_again_ends_the_session_that_the_browser_had(desk: Desk, provider: Provider) -> None:
    ada, thief = desk.browser(), desk.browser()
    ada.sign_in(provider, "ada")
    thief.http.cookies.update(ada.http.cookies)
    way_there = requests.get(f"{desk.url}/sign-in", allow_redirects=False, timeout=60)
    ada.http.cookies.update(way_there.cookies)
    ada.open(provider.comes_back(way_there.headers["Location"], "ada"))
    assert ada.is_inside()
    assert not thief.is_inside()
    assert [one.ended_how for one in desk.sessions()] == [None, EndedHow.REPLACED]


def test_an_emptied_secrets_file_lets_nobody_in(desk: Desk, provider: Provider) -> None:
    ada, stranger = desk.browser(), desk.browser()
    ada.sign_in(provider, "ada")
    good = provider.secrets(desk.url) + ROLES
    for broken in ("", "[sign_in", "[sign_in]\n", good.replace("[sign_in", "[signin")):
        desk.write_secrets(broken)
        for browser in (ada, stranger):
            answer = browser.open("/")
            assert answer.status_code == 503
            assert "Nothing was sent" in answer.text
            assert "s3cr3t" not in answer.text
            assert not browser.connects()
            assert browser.ask("PUT", "/_stcore/upload_file/a/b").status_code == 503
    desk.write_secrets(good)
    assert ada.is_inside()
    assert not stranger.is_inside()


def test_one_of_several_providers_is_chosen_and_the_link_is_kept(desk: Desk, provider: Provider) -> None:
    second = provider.secrets(desk.url).partition("[sign_in.providers.acme]")[2]
    second = "[sign_in.providers.other]" + second.replace('"Acme"', '"<b>Other</b>"')
    desk.write_secrets(provider.secrets(desk.url) + second + ROLES)
    ada = desk.browser()
    chooses = ada.open(ada.open(LINK).headers["Location"])
    assert "Sign in with Acme" in chooses.text
    assert "&lt;b&gt;Other&lt;/b&gt;" in chooses.text
    links = re.findall(r'href="(/sign-in\?with=\w+&amp;to=[^"]+)"', chooses.text)
    assert len(links) == 2
    way_there = ada.open(links[1].replace("&amp;", "&"))
    back = ada.open(provider.comes_back(way_there.headers["Location"], "ada"))
    assert back.headers["Location"] == f"{desk.url}{LINK}"
    assert desk.sessions()[0].provider == "other"


def test_a_provider_that_does_not_answer_signs_nobody_in_and_says_so(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write_secrets(provider.secrets(desk.url).replace(provider.url, "http://127.0.0.1:9") + ROLES)
    asked: list[str] = []
    monkeypatch.setattr(tokens, "_failed", {})
    fetched = tokens._fetched

    def counted(url: str) -> dict[str, object]:
        asked.append(url)
        return fetched(url)

    monkeypatch.setattr(tokens, "_fetched", counted)
    for _ in range(3):
        answer = desk.browser().open("/sign-in")
        assert answer.status_code == 502
        assert "cannot be reached" in answer.text
    assert len(asked) == 1, "nobody waits for it again at once"


def test_signed_in_people_do_not_wait_for_a_hanging_provider(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = desk.browser()
    ada.sign_in(provider, "ada")
    came, answers, ask = threading.Semaphore(0), threading.Event(), sign_in_required.now

    def counted(*, only_reads: bool) -> SignIn | None:
        came.release()
        return ask(only_reads=only_reads)

    def hanging(_: str) -> dict[str, object]:
        answers.wait(600)
        raise tokens._cannot_be_read("it hung")

    monkeypatch.setattr(sign_in_required, "now", counted)
    monkeypatch.setattr(oidc, "_metadata", {})
    monkeypatch.setattr(tokens, "_failed", {})
    monkeypatch.setattr(tokens, "_fetched", hanging)
    with ThreadPoolExecutor(60) as strangers:
        try:
            waiting = [strangers.submit(desk.browser().open, "/sign-in") for _ in range(60)]
            assert all(came.acquire(timeout=180) for _ in waiting)
            assert ada.is_inside()
            assert not any(one.done() for one in waiting)
        finally:
            answers.set()


def test_declining_says_that_nobody_is_signed_in(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    way_there = ada.open("/sign-in").headers["Location"]
    state = query(way_there)["state"]
    answer = ada.open(f"/sign-in/callback?error=access_denied&error_description=<script>&state={state}")
    assert answer.status_code == 403
    assert "canceled or denied" in answer.text
    assert "<script>" not in answer.text
    assert not ada.is_inside()


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ({"verifier": "v" * 64}, "the code was not exchanged"),
        ({"nonce": "n" * 32}, "the nonce is not that of this browser"),
        ({"provider": "another"}, "nothing was kept for this state"),
    ],
)
def test_an_answer_that_was_not_made_for_this_browser_signs_nobody_in_and_leaves_no_secret_in_the_log(
    desk: Desk, provider: Provider, caplog: pytest.LogCaptureFixture, kept: dict[str, str], why: str
) -> None:
    ada = desk.browser()
    back = provider.comes_back(ada.open("/sign-in").headers["Location"], "ada")
    [going] = [one for one in ada.http.cookies if "going" in one.name]
    begun = json.loads(base64.urlsafe_b64decode(f"{going.value}==="))
    changed = json.dumps(begun | kept).encode()
    going.value = base64.urlsafe_b64encode(changed).decode().rstrip("=")
    ada.http.cookies.set_cookie(going)
    assert ada.open(back).status_code == 403
    assert why in caplog.text
    for secret in (query(back)["code"], "s3cr3t-of-the-desk", begun["verifier"], "v" * 64):
        assert secret not in caplog.text
    assert not ada.is_inside()
    assert desk.sessions() == []


def test_an_answer_of_another_provider_signs_nobody_in(desk: Desk, provider: Provider) -> None:
    ada = desk.browser()
    back = provider.comes_back(ada.open("/sign-in").headers["Location"], "ada")
    assert ada.open(f"{back}&iss=https://evil.example").status_code == 403
    assert desk.sessions() == []


def test_authlib_is_loaded_only_if_people_sign_in() -> None:
    code = "import sys, app; print([one for one in ('authlib', 'joserfc') if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
