"""Where a sign-in returns to: always a page of this server. Pure."""

from urllib.parse import quote

from blnk_api.common.origins import Origin

START = "/sign-in"
CALLBACK = "/sign-in/callback"
END = "/sign-in/end"
OUT = "/sign-in/out"

_MOST_CHARACTERS = 2_000


def is_own(path: str) -> bool:
    """Whether a path belongs to sign-in itself."""
    return path == START or path.startswith(f"{START}/")


def safe(to: str) -> str:
    """A path with its query on this host, or "/" if it is anything else or leads back to sign-in.

    Browsers remove tabs and line breaks from an address and treat a backslash as a slash, so none of these is
    allowed; and two slashes at the beginning would name another host.
    """
    path = to.partition("?")[0]
    if (
        not to.startswith("/")
        or to.startswith("//")
        or len(to) > _MOST_CHARACTERS
        or "\\" in to
        or not to.isprintable()
        or " " in to
        or is_own(path.rstrip("/"))
    ):
        return "/"
    return quote(to, safe="/?&=%#:@!$'()*+,;~[]-._")


def on(url: Origin, to: str) -> str:
    """The full address, whatever Host a request named. The path cannot change the host."""
    return f"{url}{safe(to)}"


def on_own(url: Origin, path: str) -> str:
    """An address of sign-in itself."""
    return f"{url}{path}"


def sign_in(url: Origin, to: str = "/") -> str:
    """The address of sign-in, with the page to return to."""
    return f"{url}{sign_in_path(to)}"


def sign_in_path(to: str) -> str:
    """The same, from a page that is open at its own address."""
    target = safe(to)
    return START + (f"?to={quote(target, safe='')}" if target != "/" else "")
