"""A real browser. While one is open, nothing else in this process can run an event loop."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module."""
    with chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _tabs_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page that is left open goes on asking, and costs the next test its time. A module's own stay."""
    browser: Browser | None = (
        request.getfixturevalue("browser") if "browser" in request.fixturenames else None
    )
    stay = [] if browser is None else browser.contexts
    yield
    if browser is not None:
        for opened in browser.contexts:
            if opened not in stay:
                opened.close()
