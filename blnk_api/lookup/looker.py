"""Finds balances in Blnk by the ref they carry. An error or an odd answer raises: it is never absence."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError

from blnk_api.blnk import answers, endpoints
from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK, Filter
from blnk_api.blnk.replies import Request
from blnk_api.errors import AccessDenied, BlnkError, ReadFailed
from blnk_api.lookup.retry_policy import Patience
from blnk_api.models import IMPORT_REF, Balance

T = TypeVar("T")
Ask = Callable[[Request], Awaitable[object]]
"""Gives what Blnk said, as JSON of any kind."""
"""Sends one read at the instance's pace and gives its JSON; raises from the errors tree."""

_MOST_REPEATS = 200
"""A look that has not come to an end after this many questions is no answer."""
_LAST_ANSWERS = 2
CARRIES_A_REF = Filter(f"meta_data.{IMPORT_REF}", "isnotnull")


class NotInOrder(Exception):
    """Blnk does not list balances in the order asked for: no part of a walk can be told from others."""


class Looker:
    """One instance's looks. Create with the engine's paced `ask`."""

    MOST_PAGES = 20_000
    """Of one question: beyond, something is wrong with the pages."""

    def __init__(self, ask: Ask, instance_id: str, *, patience: Patience | None = None) -> None:
        self._ask = ask
        self.instance_id = instance_id
        self._patience = patience

    def patient(self, patience: Patience) -> "Looker":
        """As this one; a question about balances that is not answered is asked again."""
        return Looker(self._ask, self.instance_id, patience=patience)

    async def balances(self, request: Request) -> list[Balance]:
        """The balances of an answer. What is no such answer raises, or is asked for again."""
        return await self._patiently(request, read_balances)

    # `read` makes a type of the JSON that was said, or raises.
    async def _patiently(self, request: Request, read: Callable[[object], T]) -> T:
        has_failed = False
        while True:
            try:
                found = read(await self._ask(request))
            except AccessDenied:
                raise
            except BlnkError as failed:
                if self._patience is None:
                    raise
                has_failed = True
                await self._patience.failed(failed)
            else:
                if has_failed and self._patience is not None:
                    await self._patience.over()
                return found

    async def answers(self) -> None:
        """The smallest look there is; raises when Blnk does not answer it."""
        answers.read_rows(
            await self._ask(endpoints.list_page(self.instance_id, "ledgers", page=1, page_size=1))
        )

    async def find(self, refs: Sequence[str], *, created_from: str | None = None) -> dict[str, list[Balance]]:
        """Balances by ref; a ref that Blnk does not hold is not among the keys."""
        found: dict[str, list[Balance]] = {}
        for start in range(0, len(refs), REFS_PER_LOOK):
            part = await self.find_together(refs[start : start + REFS_PER_LOOK], created_from=created_from)
            found.update(part)
        return found

    async def find_together(
        self, refs: Sequence[str], *, created_from: str | None = None, witness: str | None = None
    ) -> dict[str, list[Balance]]:
        """As `find`, for at most 99 refs in one list, the witness among them."""

        def search(missing: Sequence[str]) -> Request:
            return endpoints.find_refs(self.instance_id, missing, created_from=created_from)

        return await self._find_each(search, lambda one: one.import_ref, refs, witness)

    async def find_ids(self, balance_ids: Sequence[str], *, witness: str | None = None) -> set[str]:
        """Which of these ids, at most 100 with the witness, Blnk holds."""

        def search(missing: Sequence[str]) -> Request:
            return endpoints.search(
                self.instance_id, "balances", [Filter("balance_id", "in", values=missing)]
            )

        return set(await self._find_each(search, lambda one: one.balance_id, balance_ids, witness))

    async def _find_each(
        self,
        search: Callable[[Sequence[str]], Request],
        name_of: Callable[[Balance], str | None],
        wanted: Sequence[str],
        witness: str | None,
    ) -> dict[str, list[Balance]]:
        """Balances by name. A twin can push another name off the page, so names that were not found are
        asked again until an answer holds none of them.

        A witness is a name that Blnk holds. It is asked for each time, and found only where it stands in
        two such last answers: then it vouches for what they do not hold.
        """
        missing = list(dict.fromkeys(wanted))
        found: dict[str, list[Balance]] = {}
        last_answers = 0
        for _ in range(_MOST_REPEATS):
            asked = missing if witness is None else [*missing, witness]
            got: dict[str, list[Balance]] = {}
            for balance in await self.balances(search(asked)):
                name = name_of(balance)
                if name is None or name not in asked:
                    raise ReadFailed("Blnk's answer contains balances that were not requested.")
                got.setdefault(name, []).append(balance)
            vouches = {} if witness is None or witness not in got else {witness: got.pop(witness)}
            found |= got
            missing = [name for name in missing if name not in found]
            last_answers = 0 if got else last_answers + 1
            if not missing or (last_answers and not vouches):
                return found
            if last_answers == _LAST_ANSWERS:
                return found | vouches
        raise ReadFailed("Blnk keeps sending further pages without reaching the end of the list.")

    async def with_values(
        self, field: str, values: Sequence[str], *, ours_only: bool = True
    ) -> AsyncGenerator[list[Balance], None]:
        """All balances that hold one of these values in a field, those that this tool made or all, in pages.

        Newest first, so that a balance made meanwhile moves others on and hides none.
        """
        filters = [*([CARRIES_A_REF] if ours_only else []), Filter(field, "in", values=values)]
        page, size = 1, PAGE_LIMIT
        while size >= PAGE_LIMIT:
            part = await self.balances(endpoints.search(self.instance_id, "balances", filters, page=page))
            page, size = page + 1, len(part)
            yield part

    async def count_with_refs(self, created_from: str | None = None) -> int | None:
        """How many balances of this instance carry an import_ref, where Blnk says so."""
        return await self._count([CARRIES_A_REF, *_since(created_from)])

    async def count_all(self) -> int | None:
        """How many balances this instance has, where Blnk says so."""
        return await self._count([])

    async def count_with_values(self, field: str, values: Sequence[str]) -> int | None:
        """How many balances hold one of these values in a field, where Blnk says so."""
        return await self._count([Filter(field, "in", values=values)])

    async def _count(self, filters: Sequence[Filter]) -> int | None:
        asked = endpoints.search(self.instance_id, "balances", filters, page_size=1)
        said = await self._patiently(asked, lambda answer: answer)
        total = said.get("total") if isinstance(said, dict) else None
        return total if isinstance(total, int) else None

    async def walk(
        self,
        created_from: str | None = None,
        *,
        only: Filter | None = CARRIES_A_REF,
        until: Callable[[], str | None] | None = None,
    ) -> AsyncGenerator[list[Balance], None]:
        """All balances that carry an import_ref (or for which `only` holds, or simply all), from
        `created_from` on, oldest first, each once.

        By keyset on created_at, which Blnk reads fast at any size; page by page within one created_at, and
        throughout if Blnk does not keep the order asked for. A page that is not full may be one of a Blnk
        that gives smaller ones: the end is where a page holds nothing new, and less than others did.

        With `until`, which is asked again for each page, only those that were created before that moment.
        Raises NotInOrder then where Blnk does not keep the order.
        """
        bound, page, largest = created_from, 1, 2
        at_bound: set[str] = set()
        while True:
            got = await self._page(only, bound, page)
            largest = max(largest, len(got))
            keys = [sortable(one.created_at) for one in got]
            if keys != sorted(keys):
                if until is not None:
                    raise NotInOrder
                async for part in self._walk_unordered(only, created_from):
                    yield part
                return
            new = [one for one in got if one.balance_id not in at_bound]
            if not new and len(got) < largest:
                return
            end = until() if until is not None else None
            if end is not None and keys and keys[-1] >= sortable(end):
                yield [one for one in new if sortable(one.created_at) < sortable(end)]
                return
            yield new
            last = got[-1].created_at
            if bound is not None and sortable(last) == sortable(bound):
                page += 1
                at_bound |= {one.balance_id for one in got}
                continue
            bound, page = last, 1
            at_bound = {one.balance_id for one in got if sortable(one.created_at) == keys[-1]}

    async def _walk_unordered(
        self, only: Filter | None, created_from: str | None
    ) -> AsyncIterator[list[Balance]]:
        seen: set[str] = set()
        while True:
            before = len(seen)
            for page in range(1, self.MOST_PAGES + 1):
                got = await self._page(only, created_from, page)
                new = [one for one in got if one.balance_id not in seen]
                seen.update(one.balance_id for one in new)
                if not got:
                    break
                yield new
            if len(seen) == before:
                return

    async def _page(self, only: Filter | None, bound: str | None, page: int) -> list[Balance]:
        filters = [*([] if only is None else [only]), *_since(bound)]
        asked = endpoints.search(
            self.instance_id, "balances", filters, page=page, sort_by="created_at", sort_order="asc"
        )
        return await self.balances(asked)


def _since(bound: str | None) -> list[Filter]:
    return [] if bound is None else [Filter("created_at", "gte", bound)]


def read_balances(said: object) -> list[Balance]:
    """The balances of an answer; raises ReadFailed for anything else."""
    try:
        return [Balance.model_validate(row) for row in answers.read_rows(said)]
    except ValidationError:
        raise ReadFailed("Blnk's answer contains something that is not a balance.") from None


def sortable(created_at: str) -> str:
    """Blnk's time as text that sorts: it drops trailing zeros of the fraction (tests/contract)."""
    whole, _, fraction = created_at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"


def bound_of(created_from: str | None) -> str | None:
    """A day before Blnk's own time of an import's first balance, UTC with Z, to bound that import's looks.

    None, which bounds nothing, where Blnk told no time that can be read.
    """
    if created_from is None:
        return None
    try:
        moment = parse_time(created_from) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parse_time(created_at: str) -> datetime:
    """Blnk's time; its nanoseconds are cut to microseconds."""
    whole, _, fraction = created_at.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}").replace(tzinfo=UTC)
