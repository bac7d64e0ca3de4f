"""What whoever asks Blnk many questions does about one that is not answered."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from blnk_api.blnk import retries
from blnk_api.errors import BlnkError, RateLimited


class Patience(Protocol):
    """What happens between a question that was not answered and the same question once more: whoever asks
    many continues where it was, instead of beginning again."""

    async def failed(self, failed: BlnkError) -> None:
        """Returns when it may be asked again; raises to give up."""

    async def over(self) -> None:
        """It was answered after all."""


class WhileWanted:
    """Asks again every few seconds, for as long as the answer is wanted; not what Blnk said no to."""

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
