"""Blnk as pages and scripts use it: what there is, what was found, and one balance made at a time.

    client = BlnkClient(connection)
    balance = client.create_balance(BalanceRequest(ledger_id="ldg_…", currency="USD"))

Every failure is of the tree in `errors`, which says first whether a balance may have been created.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self, TypeVar, assert_never

from pydantic import BaseModel, ValidationError
from requests import PreparedRequest
from requests.auth import AuthBase

from blnk_api import errors
from blnk_api.blnk import answers, endpoints, outcomes, retries
from blnk_api.blnk.auth import Token, TokenSource, token_source
from blnk_api.blnk.endpoints import Filter
from blnk_api.blnk.http import Transport
from blnk_api.blnk.outcomes import Meaning
from blnk_api.blnk.replies import Answer, Reply, Request
from blnk_api.common.names import fold, pattern
from blnk_api.models import Balance, BalanceRequest, Identity, Ledger
from blnk_api.settings import Connection, Waits

_SHORT_WAIT_SECONDS = 2.0
"""A read waits this long at most when Blnk says that there were too many requests."""

_PATIENCE_SECONDS = 60.0

_Thing = TypeVar("_Thing", bound=BaseModel)


class _Bearer(AuthBase):
    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.value}"
        return request


class BlnkClient:
    """One connection's Blnk. Safe to share between threads. A read that fails raises: it is never absence."""

    def __init__(
        self,
        connection: Connection,
        *,
        tokens: TokenSource | None = None,
        connect_seconds: float = Waits.connect,
        read_again_seconds: float = Waits.read_again,
        patience_seconds: float = _PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """An OAuth connection needs `tokens`: auth.token_source(connection, store).

        A read that is not answered is asked again a few times, first after `read_again_seconds`; not when it
        would begin later than `patience_seconds` after the first: somebody may be waiting for a page.
        """
        self._instance_id = connection.instance.instance_id
        self._tokens = tokens or token_source(connection)
        self._read_again_seconds = read_again_seconds
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._transport = Transport(
            connection.url, connect_seconds=connect_seconds, total_seconds=connection.request_timeout_seconds
        )

    def create(
        self, request: BalanceRequest, *, ref: str | None = None, import_id: str | None = None
    ) -> outcomes.Created:
        """Creates one balance, with one POST that is never repeated: each repeat would make another balance.

        Args:
            request: The balance to create.
            ref: Stamped on the balance as `meta_data.import_ref`, by which `find_by_refs` finds it.
            import_id: Stamped on the balance as `meta_data.import_id`.

        Returns:
            The balance as Blnk answered it; `warnings` names fields that came back otherwise than sent.

        Raises:
            MaybeCreated: A balance may exist: look for it before you send this again.
            NothingCreated: Nothing was created: Refused or Conflict where Blnk said no, AccessDenied,
                RateLimited, NotConnected.
        """
        body = endpoints.create_balance(request, ref=ref, import_id=import_id)
        reply = self._exchange(endpoints.post_balance(self._instance_id, body))
        outcome = answers.classify(reply, body, now=datetime.now(UTC))
        support = answers.support(reply) if isinstance(reply, Answer) else errors.Support()
        match outcome:
            case outcomes.Created():
                return outcome
            case outcomes.Refused(message=message):
                raise errors.Refused(message, **support)
            case outcomes.Conflict(message):
                raise errors.Conflict(message, **support)
            case outcomes.NotApplied(message, Meaning.BUSY, retry_after_seconds=wait):
                raise errors.RateLimited(message, retry_after_seconds=wait, **support)
            case outcomes.NotApplied(message):
                raise errors.NotConnected(message)
            case outcomes.Stop(message=message):
                raise errors.AccessDenied(message, **support)
            case outcomes.Unknown(message):
                told = f"{message} A balance may have been created: look before you send this again."
                raise errors.MaybeCreated(told, **support)
            case unheard_of:
                assert_never(unheard_of)

    def create_balance(
        self, request: BalanceRequest, *, ref: str | None = None, import_id: str | None = None
    ) -> Balance:
        """Creates one balance, as `create` does, and returns it without warnings.

        Raises:
            MaybeCreated: A balance may exist: look for it before you send this again.
            NothingCreated: Nothing was created.
        """
        return self.create(request, ref=ref, import_id=import_id).balance

    def get_balance(self, balance_id: str) -> Balance:
        """Returns one balance by its id.

        Raises:
            NotFound: Blnk knows no such balance.
            NothingCreated: Blnk could not be asked. Nothing is ever created by a read.
        """
        said = self._read(endpoints.get_balance(self._instance_id, balance_id))
        return _parse(Balance, [answers.read_one(said)])[0]

    def may_read(self) -> bool:
        """Whether these credentials may look at ledgers, identities and balances (the scope data:read).

        Raises:
            AccessDenied: The token itself is not accepted (401).
            NothingCreated: Blnk could not be asked.
        """
        try:
            self._read(endpoints.list_page(self._instance_id, "ledgers", page=1, page_size=1))
        except errors.AccessDenied as denied:
            if denied.status != 403:
                raise
            return False
        return True

    def list_ledgers(self, page: int = 1) -> list[Ledger]:
        """A page of at most 100, newest first; pages count from 1, and a short one is the last."""
        return self._list("ledgers", page, Ledger)

    def list_identities(self, page: int = 1) -> list[Identity]:
        return self._list("identities", page, Identity)

    def search_ledgers(self, text: str) -> list[Ledger]:
        """Ledgers whose name holds this text, or whose id it is; at most 100. All of a page where empty."""
        if not fold(text):
            return self.list_ledgers()
        exact = self._search("ledgers", [Filter("ledger_id", "eq", _searched(text))], Ledger)
        named = self._search("ledgers", [_holds("name", text)], Ledger)
        held = [one for one in named if fold(text) in fold(one.name)]
        return list({one.ledger_id: one for one in (*exact, *held)}.values())

    def search_identities(self, text: str) -> list[Identity]:
        """People and organisations by a part of a name or an e-mail address, or by exact id.

        Blnk's filters hold all at once, never one or the other, so that each way to find one is asked alone.
        """
        whole = fold(text)
        if not whole:
            return self.list_identities()
        found = self._search("identities", [Filter("identity_id", "eq", _searched(text))], Identity)
        for field in _NAME_FIELDS:
            named = self._search("identities", [_holds(field, whole)], Identity)
            found += [one for one in named if whole in fold(getattr(one, field))]
        words = whole.replace(",", " ").split()
        if len(words) > 1:
            for first, last in ((words[0], words[-1]), (words[-1], words[0])):
                both = [_holds("first_name", first), _holds("last_name", last)]
                named = self._search("identities", both, Identity)
                found += [
                    one for one in named if first in fold(one.first_name) and last in fold(one.last_name)
                ]
        return list({one.identity_id: one for one in found}.values())

    def count(self, what: str) -> int | None:
        """How many ledgers, identities or balances there are, where Blnk tells it."""
        return answers.read_total(
            self._read(endpoints.list_page(self._instance_id, what, page=1, page_size=1))
        )

    def ledgers_called(self, name: str) -> list[Ledger]:
        """All whose name is this one by the rule of `names.fold`."""
        found = self._all_of("ledgers", [_holds("name", name)], Ledger)
        return [one for one in found if fold(one.name) == fold(name)]

    def identities_called(self, name: str, key: str | None = None) -> list[Identity]:
        """All that have this name, e-mail address or value of a metadata key, by the rule of `names.fold`."""
        ways = [[_holds(field, name)] for field in _NAME_FIELDS]
        words = fold(name).split()
        if len(words) > 1:
            ways.append([_holds("first_name", words[0]), _holds("last_name", words[-1])])
        if key:
            ways.append([_holds(f"meta_data.{key}", name)])
        found = [one for way in ways for one in self._all_of("identities", way, Identity)]
        alike = {one.identity_id: one for one in found if fold(name) in map(fold, one.called(key))}
        return list(alike.values())

    def tokenized(self) -> set[str]:
        """What Blnk keeps as tokens of the newest hundred identities of which it keeps anything so: names,
        organization names, e-mail addresses. They cannot be found by these."""
        some = [Filter("meta_data.tokenized_fields", "isnotnull")]
        return set().union(*(one.tokenized for one in self._search("identities", some, Identity)))

    def ledgers_by_id(self, ids: Iterable[str]) -> dict[str, Ledger]:
        """Those that exist, by their id."""
        return {one.ledger_id: one for one in self._any_of("ledgers", "ledger_id", ids, Ledger)}

    def identities_by_id(self, ids: Iterable[str]) -> dict[str, Identity]:
        return {one.identity_id: one for one in self._any_of("identities", "identity_id", ids, Identity)}

    def ledgers_by_name(self, names: Iterable[str]) -> dict[str, list[Ledger]]:
        """By exact name, to the letter; Blnk lets several ledgers have one name."""
        found: dict[str, list[Ledger]] = {}
        for one in self._any_of("ledgers", "name", names, Ledger):
            found.setdefault(one.name, []).append(one)
        return found

    def identities_by(self, field: str, values: Iterable[str]) -> dict[str, list[Identity]]:
        """By the exact value of a field, such as email_address or meta_data.customer_number."""
        found: dict[str, list[Identity]] = {}
        key = field.removeprefix("meta_data.")
        for one in self._any_of("identities", field, values, Identity):
            value = one.meta_data.get(key) if key != field else getattr(one, field, None)
            found.setdefault(str(value), []).append(one)
        return found

    def balances_of(self, ledger_id: str, currency: str, identity_ids: Iterable[str]) -> list[Balance]:
        """All balances that these identities have in this ledger and currency."""
        also = (Filter("ledger_id", "eq", ledger_id), Filter("currency", "eq", currency))
        return list(self._any_of("balances", "identity_id", identity_ids, Balance, also))

    def balances_with_indicator(self, indicators: Iterable[str]) -> list[Balance]:
        """Balances that have one of these indicators. Raises ReadFailed (400) where Core knows none."""
        return list(self._any_of("balances", "indicator", indicators, Balance))

    def find_balances(self, filters: Sequence[Filter], *, page: int = 1) -> list[Balance]:
        """Balances for which all of these filters hold.

        Args:
            filters: Conditions on fields, or on metadata as `meta_data.NAME`.
            page: Counts from 1.

        Returns:
            At most 100 balances, newest first; a shorter page is the last.

        Raises:
            ReadFailed: With status 400 where this Core knows no such field.
        """
        asked = endpoints.search(
            self._instance_id, "balances", filters, page=page, sort_by="created_at", sort_order="desc"
        )
        return _parse(Balance, answers.read_rows(self._read(asked)))

    def find_by_refs(self, refs: Iterable[str], *, created_from: str | None = None) -> list[Balance]:
        """The balances that carry one of these refs, twins among them.

        A ref that was not found is asked again until an answer holds none of those asked, so that a page
        full of twins hides nothing.

        Args:
            refs: As many as you like; they are asked for in lists of 99.
            created_from: Only balances created since then, by Blnk's clock: UTC with Z.

        Returns:
            The balances found, in no order. A ref that none of them carries was not found at this moment.

        Raises:
            NothingCreated: Any part was not answered; that is never absence.
        """
        found: list[Balance] = []
        for batch in _batches(refs, endpoints.REFS_PER_LOOK):
            missing = set(batch)
            while missing:
                request = endpoints.find_refs(self._instance_id, sorted(missing), created_from=created_from)
                rows = _parse(Balance, answers.read_rows(self._read(request)))
                if any(row.import_ref not in missing for row in rows):
                    raise errors.ReadFailed("Blnk's answer holds balances that were not asked for.")
                if not rows:
                    break
                found += rows
                missing -= {row.import_ref for row in rows if row.import_ref}
        return found

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _list(self, what: str, page: int, model: type[_Thing]) -> list[_Thing]:
        said = self._read(endpoints.list_page(self._instance_id, what, page=page))
        return _parse(model, answers.read_rows(said))

    def _search(self, what: str, filters: Sequence[Filter], model: type[_Thing]) -> list[_Thing]:
        return _parse(
            model, answers.read_rows(self._read(endpoints.search(self._instance_id, what, filters)))
        )

    def _any_of(
        self,
        what: str,
        field: str,
        values: Iterable[str],
        model: type[_Thing],
        also: Sequence[Filter] = (),
    ) -> Iterator[_Thing]:
        """All that have one of these values, page by page: one value may stand in many of them."""
        for batch in _batches(values, endpoints.PAGE_LIMIT):
            yield from self._all_of(what, [Filter(field, "in", values=batch), *also], model)

    def _all_of(self, what: str, filters: Sequence[Filter], model: type[_Thing]) -> Iterator[_Thing]:
        page = 1
        while True:
            request = endpoints.search(
                self._instance_id, what, filters, page=page, sort_by="created_at", sort_order="asc"
            )
            rows = answers.read_rows(self._read(request))
            yield from _parse(model, rows)
            if len(rows) < endpoints.PAGE_LIMIT:
                break
            page += 1

    def _read(self, request: Request) -> Any:
        """The JSON of an answer. A read creates nothing, so one that is not answered is asked again a few
        times, and after a 429 once where Blnk asks for a short wait."""
        began, failures, was_busy = self._clock(), 0, False
        while True:
            reply = self._exchange(request)  # what it raises is about the token, and no question to repeat
            try:
                return answers.read_json(reply, now=datetime.now(UTC))
            except errors.RateLimited as busy:
                wait = busy.retry_after_seconds
                if was_busy or wait is None or wait > _SHORT_WAIT_SECONDS:
                    raise
                was_busy = True
            except errors.BlnkError as failed:
                failures += 1
                wait = retries.wait_seconds(failed, failures, first_seconds=self._read_again_seconds)
                if wait is None or self._clock() - began + wait > self._patience_seconds:
                    raise
            self._sleep(wait)

    def _exchange(self, request: Request) -> Reply:
        """Once, and after a 401 once more with a newer token: a 401 says that nothing was done."""
        token = self._tokens.current()
        reply = self._send(request, token)
        if isinstance(reply, Answer) and reply.status == 401:
            reply = self._send(request, self._tokens.newer_than(token.generation))
        return reply

    def _send(self, request: Request, token: Token) -> Reply:
        return self._transport.exchange(request, _Bearer(token), secrets=(token.value,))


_NAME_FIELDS = ("first_name", "last_name", "organization_name", "email_address")


def _searched(text: str) -> str:
    """What a person typed, without what no name holds and Postgres refuses."""
    return " ".join(text.replace("\0", "").split())


def _holds(field: str, text: str) -> Filter:
    return Filter(field, "ilike", pattern(text.replace("\0", "")))


def _batches(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """Each value once. Never an empty batch: to Core an `in` without values is no condition at all."""
    once = iter(dict.fromkeys(values))
    while batch := list(islice(once, size)):
        yield batch


def _parse(model: type[_Thing], rows: Iterable[dict[str, object]]) -> list[_Thing]:
    try:
        return [model.model_validate(row) for row in rows]
    except ValidationError:
        raise errors.ReadFailed("Blnk's answer has an unexpected shape.") from None
