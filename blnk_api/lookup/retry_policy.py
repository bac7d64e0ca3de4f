"""What happens when one of many reads from Blnk is not answered."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from blnk_api.blnk import retries
from blnk_api.errors import BlnkError, RateLimited


class Patience(Protocol):
    """Decides between an unanswered request and its repeat, so that a long series of reads can continue where
    it was instead of starting over."""

    async def failed(self, failed: BlnkError) -> None:
        """Returns when the request may be repeated; raises to give up."""

    async def over(self) -> None:
        """The request was answered after all."""


class WhileWanted:
    """Repeats every few seconds while the answer is wanted, except for requests that Blnk rejected."""

    def __init__(self, is_wanted: Callable[[], bool], every_seconds: float) -> None:
        self._is_wanted = is_wanted
        self._every_seconds = every_seconds

    async def failed(self, failed: BlnkError) -> None:
        if not retries.may_pass(failed) and not isinstance(failed, RateLimited):
            raise failed
        await asyncio.sleep(self._every_seconds)
        if not self._is_wanted():
            raise failed

    async def over(self) -> None:
        pass
