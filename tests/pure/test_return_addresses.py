"""Where a sign-in returns to is a page of this server, whatever was asked for."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blnk_api.common.origins import Origin
from blnk_api.sign_in import addresses

DESK = Origin("https", "desk.example.com", 443)
PIECES = [
    "/",
    "\\",
    "//",
    ":",
    "@",
    "%2f",
    "%5c",
    "%0d%0a",
    "\t",
    "\n",
    "\r",
    ".",
    "..",
    "?",
    "#",
    "evil.example",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join))
@example("//evil.example")
@example("/\\evil.example")
@example("https://evil.example")
@example("/\t/evil.example")
def test_it_stays_on_this_host(to: str) -> None:
    safe = addresses.safe(to)
    for address in (addresses.on(DESK, to), urljoin("https://desk.example.com/sign-in", safe)):
        assert urlsplit(address).netloc == "desk.example.com"
        assert urlsplit(address).scheme == "https"
    assert safe.isascii()
    assert safe.isprintable()
    assert "\\" not in safe


@pytest.mark.parametrize(
    "to",
    ["/", "/imports", "/?import=imp_1&connection=x", "/import_file?file=a%20b%2Fc&x=1%262", "/a?b=//c#d"],
)
def test_an_address_of_ours_is_kept_to_the_letter(to: str) -> None:
    assert addresses.safe(to) == to


@pytest.mark.parametrize(
    "to", ["/sign-in", "/sign-in/", "/sign-in/end?x", "/sign-in?to=/a", "", "imports", " /a"]
)
def test_sign_in_itself_is_no_place_to_return_to(to: str) -> None:
    assert addresses.safe(to) == "/"
