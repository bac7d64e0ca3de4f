"""Which requests may come in: the decision alone. test_served.py asks real servers."""

import socket
from pathlib import Path

import pytest

from blnk_api import settings
from blnk_api.common.origins import Origin, Site, is_named, origin_of
from blnk_api.errors import SettingsProblem

LOCAL = Site(address="localhost", shown_address="localhost")
OPEN = Site(address="0.0.0.0", shown_address="desk.example.com")
NAMED = Site(address="0.0.0.0", allowed_hosts=["Desk.example.com", "*.office.example"])
BEHIND = Site(address="localhost", public=Origin("https", "desk.example.com", 443))


@pytest.mark.parametrize(
    "host", ["localhost:8501", "LOCALHOST", "127.0.0.1", "127.0.0.1:8501", "[::1]:8501", "localhost.:8501"]
)
@pytest.mark.parametrize("site", [LOCAL, OPEN, NAMED, BEHIND])
def test_this_machine_always_reaches_it(site: Site, host: str) -> None:
    assert site.is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost:8501:80",
        "localhost:99999",
        "[::1]x",
        "localhost, evil.example",
        "localhost\tx",
        "ⅼocalhost",
        "desk.example.com.evil.example",
    ],
)
@pytest.mark.parametrize("site", [LOCAL, OPEN, NAMED, BEHIND])
def test_a_name_that_others_could_own_reaches_nothing(site: Site, host: str) -> None:
    assert not site.is_ours(host)


def test_without_a_list_of_names_it_has_those_that_only_it_can_have() -> None:
    own = socket.gethostname()
    for site in (LOCAL, OPEN):
        for host in ("192.0.2.7:8501", "[2001:db8::7]", own, f"{own.upper()}:8501"):
            assert site.is_ours(host), host
    assert OPEN.is_ours("desk.example.com:8501")
    assert Site(address="desk.internal").is_ours("desk.internal")
    assert not LOCAL.is_ours("desk.example.com")
    assert BEHIND.is_ours("desk.example.com")


def test_with_a_list_of_names_only_those_count() -> None:
    for host in ("desk.example.com", "desk.example.com.:8501", "a.office.example", "a.b.office.example:1"):
        assert NAMED.is_ours(host), host
    for host in ("192.0.2.7:8501", socket.gethostname() + ".example", "office.example"):
        assert not NAMED.is_ours(host), host
    assert is_named("anything", "*")


def test_a_page_acts_only_on_the_host_and_port_that_it_is_from() -> None:
    for origin, host in [
        ("http://localhost:8501", "localhost:8501"),
        ("http://127.0.0.1:8501", "127.0.0.1:8501"),
        ("http://[::1]:8501", "[::1]:8501"),
        ("https://desk.example.com", "desk.example.com"),
        ("https://desk.example.com", "desk.example.com:443"),
        ("https://desk.example.com:443", "desk.example.com"),
        ("http://desk.example.com", "DESK.example.com:80"),
        ("HTTPS://Desk.example.com:8443", "desk.example.com:8443"),
    ]:
        assert OPEN.is_from_us(origin, host), origin
    for origin, host in [
        ("http://localhost:3000", "localhost:8501"),
        ("http://127.0.0.1:9999", "127.0.0.1:8501"),
        ("http://127.0.0.1:8501", "localhost:8501"),
        ("http://localhost", "localhost:8501"),
        ("https://localhost:8501.evil.example", "localhost:8501"),
        ("http://evil.example", "localhost:8501"),
        ("https://desk.example.com:8443", "desk.example.com"),
        ("https://desk.example.com", "desk.example.com:8443"),
        ("null", "localhost:8501"),
        ("null", "null"),
        ("", "localhost:8501"),
        ("localhost:8501", "localhost:8501"),
        ("file://", "localhost:8501"),
        ("chrome-extension://localhost:8501", "localhost:8501"),
        ("http://localhost:8501/", "localhost:8501"),
        ("http://user@localhost:8501", "localhost:8501"),
    ]:
        assert not OPEN.is_from_us(origin, host), (origin, host)


def test_behind_a_proxy_its_address_counts_with_the_scheme() -> None:
    assert BEHIND.is_from_us("https://desk.example.com", "127.0.0.1:8501")
    assert BEHIND.is_from_us("https://desk.example.com:443", "desk.example.com")
    for host in ("desk.example.com", "desk.example.com:443", "127.0.0.1:8501"):
        assert not BEHIND.is_from_us("http://desk.example.com", host)
        assert not BEHIND.is_from_us("https://desk.example.com:8443", host)
    assert BEHIND.is_from_us("http://localhost:8501", "localhost:8501")


def test_other_sites_that_are_listed_may_act_and_null_never() -> None:
    site = Site(listed_origins=["https://portal.example.com", " http://localhost:3000/ ", "null", "*"])
    assert site.is_from_us("https://portal.example.com", "localhost:8501")
    assert site.is_from_us("http://localhost:3000", "localhost:8501")
    for origin in (
        "http://portal.example.com",
        "https://portal.example.com:8443",
        "null",
        "https://x.example",
    ):
        assert not site.is_from_us(origin, "localhost:8501")


def test_streamlit_gets_a_name_that_it_knows() -> None:
    assert NAMED.host_for_streamlit("desk.example.com:8501") == "desk.example.com:8501"
    assert NAMED.host_for_streamlit("localhost:8501") == "Desk.example.com"
    assert OPEN.host_for_streamlit("localhost:8501") == "localhost:8501"


def test_the_pages_warn_as_soon_as_others_can_reach_it() -> None:
    assert not LOCAL.is_for_others
    assert not Site(address="127.0.0.1", allowed_hosts=["localhost"]).is_for_others
    for site in (OPEN, NAMED, BEHIND, Site(), Site(address="localhost", shown_address="desk.example.com")):
        assert site.is_for_others


def test_browsers_are_told_to_stay_on_tls_only_where_there_is_some_and_never_for_this_machine() -> None:
    assert OPEN.is_behind_tls("https", "desk.example.com")
    assert BEHIND.is_behind_tls("http", "desk.example.com")
    assert not OPEN.is_behind_tls("http", "desk.example.com")
    for host in ("localhost:8443", "127.0.0.1", "192.0.2.7", "[::1]"):
        assert not BEHIND.is_behind_tls("https", host)


def test_a_page_may_open_the_sockets_of_its_own_host_alone() -> None:
    assert LOCAL.sockets("localhost:8501") == "ws://localhost:8501 wss://localhost:8501"
    assert BEHIND.sockets("127.0.0.1:8501").endswith("ws://desk.example.com wss://desk.example.com")
    assert LOCAL.sockets("evil.example; script-src *") == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "desk.example.com",
        "https://",
        "https://desk.example.com/desk",
        "ftp://desk.example.com",
        "null",
        "https://ada:s3cr3t@desk.example.com",
        "https://desk.example.com:99999",
        "https://desk.example.com?x",
    ],
)
def test_an_invalid_public_url_is_named_and_not_repeated(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsProblem, match="BLNK_PUBLIC_URL should be") as problem:
        settings.load({"BLNK_DATA_DIR": str(tmp_path), "BLNK_PUBLIC_URL": wrong})
    assert "s3cr3t" not in str(problem.value)


def test_a_public_url_may_end_with_a_slash(tmp_path: Path) -> None:
    env = {"BLNK_DATA_DIR": str(tmp_path), "BLNK_PUBLIC_URL": "https://Desk.example.com/"}
    assert settings.load(env).public_url == Origin("https", "desk.example.com", 443)
    assert str(origin_of("http://[::1]:8501")) == "http://[::1]:8501"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://desk.example:65535", Origin("http", "desk.example", 65_535)),
        ("http://desk.example:65536", None),
        ("http://desk.example:0", Origin("http", "desk.example", 0)),
        ("http://desk.example:", Origin("http", "desk.example", 80)),
        ("http://[2001:DB8::7]:8501", Origin("http", "2001:db8::7", 8501)),
        ("https://Deskx.", Origin("https", "deskx", 443)),
        ("https://", None),
    ],
)
def test_an_address_is_read_to_its_last_port(text: str, origin: Origin | None) -> None:
    assert origin_of(text) == origin


def test_names_keep_all_their_letters() -> None:
    """Only dots, stars, slashes and spaces at their ends are left out."""
    boxes = Site(
        address=" Max. ", allowed_hosts=["Xerox.example", "*.x.example"], listed_origins=["/ https://x.fox/ "]
    )
    assert boxes.host_for_streamlit("localhost:8501") == "Xerox.example"
    assert boxes.host_for_streamlit("a.x.example:8501") == "a.x.example:8501"
    assert Site(allowed_hosts=["*.x.example"]).host_for_streamlit("localhost") == ".x.example"
    assert Site(allowed_hosts=[" * "]).host_for_streamlit("localhost") == "localhost"
    assert boxes.is_from_us("https://x.fox", "localhost:8501")
    assert not Site(listed_origins=["https://x.foxX"]).is_from_us("https://x.fox", "localhost:8501")
    assert Site(address=" Max. ").is_ours("max")
    assert not Site(address=" Max. ").is_ours("ma")
