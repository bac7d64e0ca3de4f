"""Finds balances in Blnk by their refs. An error or an unexpected answer raises: it never means absence."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError

from blnk_api.blnk import answer_meaning, endpoints
from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK, Filter
from blnk_api.blnk.replies import Request
from blnk_api.errors import AccessDenied, BlnkError, ReadFailed
from blnk_api.lookup.retry_policy import Patience
from blnk_api.models import IMPORT_REF, Balance

T = TypeVar("T")
Ask = Callable[[Request], Awaitable[object]]
"""Returns the JSON of Blnk's answer."""
"""Sends one read within the instance's rate limit, and returns the JSON of the answer. Raises a BlnkError."""

_MOST_REPEATS = 200
"""A look-up that has not ended after this many requests counts as unanswered."""
_LAST_ANSWERS = 2
CARRIES_A_REF = Filter(f"meta_data.{IMPORT_REF}", "isnotnull")


class NotInOrder(Exception):
    """Blnk does not list balances in the requested order, so the parts of a walk cannot be separated."""


class Looker:
    """The look-ups of one instance. Create it with the engine's rate-limited `ask`."""

    MOST_PAGES = 20_000
    """The most pages of one query. With more, something is wrong with the paging."""

    def __init__(self, ask: Ask, instance_id: str, *, patience: Patience | None = None) -> None:
        self._ask = ask
        self.instance_id = instance_id
        self._patience = patience

    def patient(self, patience: Patience) -> "Looker":
        """A copy of this one that repeats unanswered reads of balances."""
        return Looker(self._ask, self.instance_id, patience=patience)

    async def balances(self, request: Request) -> list[Balance]:
        """Returns the balances of an answer. Any other answer raises, or is requested again."""
        return await self._patiently(request, read_balances)

    # `read` parses the JSON of the answer, or raises.
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
        """The smallest possible read. Raises if Blnk does not answer it."""
        answer_meaning.read_rows(
            await self._ask(endpoints.list_page(self.instance_id, "ledgers", page=1, page_size=1))
        )

    async def find(self, refs: Sequence[str], *, created_from: str | None = None) -> dict[str, list[Balance]]:
        """Returns balances by ref. A ref that Blnk does not have is not among the keys."""
        found: dict[str, list[Balance]] = {}
        for start in range(0, len(refs), REFS_PER_LOOK):
            part = await self.find_together(refs[start : start + REFS_PER_LOOK], created_from=created_from)
            found.update(part)
        return found

    async def find_together(
        self, refs: Sequence[str], *, created_from: str | None = None, witness: str | None = None
    ) -> dict[str, list[Balance]]:
        """Like `find`, for at most 99 refs in one list, including the witness."""

        def search(missing: Sequence[str]) -> Request:
            return endpoints.find_refs(self.instance_id, missing, created_from=created_from)

        return await self._find_each(search, lambda one: one.import_ref, refs, witness)

    async def find_ids(self, balance_ids: Sequence[str], *, witness: str | None = None) -> set[str]:
        """Returns which of these ids, at most 100 with the witness, Blnk has."""

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
        """Returns balances by name. A duplicate can push another name off the page, so names that were not
        found are requested again until an answer contains none of them.

        A witness is a name that Blnk has. It is included in each request, and counts as found only if two
        such final answers contain it: then it proves that the names missing there are absent.
        """
        missing = list(dict.fromkeys(wanted))
        found: dict[str, list[Balance]] = {}
        last_answers = 0
        for _ in range(_MOST_REPEATS):
            names = missing if witness is None else [*missing, witness]
            got: dict[str, list[Balance]] = {}
            for balance in await self.balances(search(names)):
                name = name_of(balance)
                if name is None or name not in names:
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
        """Yields all balances with one of these values in a field, those created by this product or all, in
        pages.

        Newest first, so that a balance created meanwhile shifts others to later pages and hides none.
        """
        filters = [*([CARRIES_A_REF] if ours_only else []), Filter(field, "in", values=values)]
        page, size = 1, PAGE_LIMIT
        while size >= PAGE_LIMIT:
            part = await self.balances(endpoints.search(self.instance_id, "balances", filters, page=page))
            page, size = page + 1, len(part)
            yield part

    async def count_with_refs(self, created_from: str | None = None) -> int | None:
        """The number of this instance's balances with an import_ref, if Blnk returns it."""
        return await self._count([CARRIES_A_REF, *_since(created_from)])

    async def count_all(self) -> int | None:
        """The number of this instance's balances, if Blnk returns it."""
        return await self._count([])

    async def count_with_values(self, field: str, values: Sequence[str]) -> int | None:
        """The number of balances with one of these values in a field, if Blnk returns it."""
        return await self._count([Filter(field, "in", values=values)])

    async def _count(self, filters: Sequence[Filter]) -> int | None:
        request = endpoints.search(self.instance_id, "balances", filters, page_size=1)
        answer = await self._patiently(request, lambda answer: answer)
        total = answer.get("total") if isinstance(answer, dict) else None
        return total if isinstance(total, int) else None

    async def walk(
        self,
        created_from: str | None = None,
        *,
        only: Filter | None = CARRIES_A_REF,
        until: Callable[[], str | None] | None = None,
    ) -> AsyncGenerator[list[Balance], None]:
        """Yields all balances with an import_ref (or those matching `only`, or all), from `created_from` on,
        oldest first, without repeats.

        Pages by created_at, which Blnk reads fast at any size; page by page within one created_at, and
        throughout if Blnk does not keep the requested order. A partial page may come from a Blnk with smaller
        pages: the end is reached when a page has nothing new and is shorter than others.

        With `until`, which is called for each page, only balances created before that time. Then NotInOrder
        is raised if Blnk does not keep the order.
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
        request = endpoints.search(
            self.instance_id, "balances", filters, page=page, sort_by="created_at", sort_order="asc"
        )
        return await self.balances(request)


def _since(bound: str | None) -> list[Filter]:
    return [] if bound is None else [Filter("created_at", "gte", bound)]


def read_balances(answer: object) -> list[Balance]:
    """The balances of an answer. Raises ReadFailed for anything else."""
    try:
        return [Balance.model_validate(row) for row in answer_meaning.read_rows(answer)]
    except ValidationError:
        raise ReadFailed("Blnk's answer contains something that is not a balance.") from None


def sortable(created_at: str) -> str:
    """Blnk's time as text that sorts: Blnk drops trailing zeros of the fraction (tests/contract)."""
    whole, _, fraction = created_at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"


def bound_of(created_from: str | None) -> str | None:
    """A lower bound for an import's look-ups: one day before its first balance by Blnk's own time, in UTC
    with Z.

    None, which means no bound, if Blnk returned no readable time.
    """
    if created_from is None:
        return None
    try:
        moment = parse_time(created_from) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parse_time(created_at: str) -> datetime:
    """Blnk's time, with nanoseconds cut to microseconds."""
    whole, _, fraction = created_at.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}").replace(tzinfo=UTC)
