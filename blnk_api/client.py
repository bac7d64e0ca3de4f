"""The Blnk client for pages and scripts: it lists, searches, and creates one balance at a time.

    client = BlnkClient(connection)
    balance = client.create_balance(BalanceRequest(ledger_id="ldg_…", currency="USD"))

Every failure raises an exception from `errors`. Its type says whether a balance may have been created.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import assert_never

from blnk_api import errors
from blnk_api.blnk import answer_meaning, endpoints, outcomes
from blnk_api.blnk.endpoints import Filter
from blnk_api.blnk.outcomes import Meaning
from blnk_api.blnk.reader import Reader, batches, parse
from blnk_api.blnk.replies import Answer
from blnk_api.common.name_matching import fold, pattern
from blnk_api.models import Balance, BalanceRequest, Identity, Ledger


class BlnkClient(Reader):
    """A client for the Blnk instance of one connection. Safe to share between threads.

    A read that fails raises an exception: an empty result always means that Blnk has nothing.
    """

    def create(
        self, request: BalanceRequest, *, ref: str | None = None, import_id: str | None = None
    ) -> outcomes.Created:
        """Creates one balance with one POST. It is never repeated, because a repeat would create a second
        balance.

        Args:
            request: The balance to create.
            ref: Stored with the balance as `meta_data.import_ref`, by which `find_by_refs` finds it.
            import_id: Stored with the balance as `meta_data.import_id`.

        Returns:
            The balance as Blnk returned it. `warnings` names the fields that differ from the request.

        Raises:
            MaybeCreated: A balance may exist. Look for it before you send this again.
            NothingCreated: Nothing was created. Refused or Conflict if Blnk rejected the request,
                AccessDenied, RateLimited or NotConnected.
        """
        body = endpoints.create_balance(request, ref=ref, import_id=import_id)
        reply = self._exchange(endpoints.post_balance(self._instance_id, body))
        outcome = answer_meaning.classify(reply, body, now=datetime.now(UTC))
        support = answer_meaning.support(reply) if isinstance(reply, Answer) else errors.Support()
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
                text = f"{message} A balance may have been created. Check Blnk before you send this again."
                raise errors.MaybeCreated(text, **support)
            case impossible:
                assert_never(impossible)

    def create_balance(
        self, request: BalanceRequest, *, ref: str | None = None, import_id: str | None = None
    ) -> Balance:
        """Creates one balance as `create` does, and returns it without warnings.

        Raises:
            MaybeCreated: A balance may exist. Look for it before you send this again.
            NothingCreated: Nothing was created.
        """
        return self.create(request, ref=ref, import_id=import_id).balance

    def get_balance(self, balance_id: str) -> Balance:
        """Returns one balance by its id.

        Raises:
            NotFound: Blnk has no balance with this id.
            NothingCreated: Blnk could not be read. A read never creates anything.
        """
        answer = self._read(endpoints.get_balance(self._instance_id, balance_id))
        return parse(Balance, [answer_meaning.read_one(answer)])[0]

    def may_read(self) -> bool:
        """Returns whether these credentials may read ledgers, identities and balances (scope `data:read`).

        Raises:
            AccessDenied: The token itself was rejected (401).
            NothingCreated: Blnk could not be read.
        """
        try:
            self._read(endpoints.list_page(self._instance_id, "ledgers", page=1, page_size=1))
        except errors.AccessDenied as denied:
            if denied.status != 403:
                raise
            return False
        return True

    def list_ledgers(self, page: int = 1) -> list[Ledger]:
        """Returns a page of at most 100 ledgers, newest first. Pages count from 1. A page with fewer is the
        last."""
        return self._list("ledgers", page, Ledger)

    def list_identities(self, page: int = 1) -> list[Identity]:
        """Returns a page of at most 100 identities, newest first. Pages count from 1. A page with fewer is
        the last."""
        return self._list("identities", page, Identity)

    def search_ledgers(self, text: str) -> list[Ledger]:
        """Returns at most 100 ledgers whose name contains this text or whose id equals it. Empty text returns
        the first page of all ledgers."""
        if not fold(text):
            return self.list_ledgers()
        exact = self._search("ledgers", [Filter("ledger_id", "eq", _searched(text))], Ledger)
        named = self._search("ledgers", [_holds("name", text)], Ledger)
        matching = [ledger for ledger in named if fold(text) in fold(ledger.name)]
        return list({ledger.ledger_id: ledger for ledger in (*exact, *matching)}.values())

    def search_identities(self, text: str) -> list[Identity]:
        """Returns people and organizations by part of a name or email address, or by exact id. Empty text
        returns the first page of all identities.

        Sends several requests, because Blnk cannot combine filters with OR.
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
        """Returns the number of `ledgers`, `identities`, `balances` or `transactions`, or None if Blnk's
        answer does not contain it."""
        return answer_meaning.read_total(
            self._read(endpoints.list_page(self._instance_id, what, page=1, page_size=1))
        )

    def ledgers_called(self, name: str) -> list[Ledger]:
        """Returns all ledgers with this name, ignoring case, extra white space and accent encoding."""
        found = self._all_of("ledgers", [_holds("name", name)], Ledger)
        return [one for one in found if fold(one.name) == fold(name)]

    def identities_called(self, name: str, key: str | None = None) -> list[Identity]:
        """Returns all identities with this name, email address, or value of the metadata key `key`, ignoring
        case, extra white space and how accents are encoded."""
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
        """Returns which details Blnk stores as tokens: names, organization names, email addresses. Identities
        cannot be found by these. Only the newest hundred identities with tokens are examined."""
        some = [Filter("meta_data.tokenized_fields", "isnotnull")]
        return set().union(*(one.tokenized for one in self._search("identities", some, Identity)))

    def ledgers_by_id(self, ids: Iterable[str]) -> dict[str, Ledger]:
        """Returns the ledgers that exist, by id."""
        return {one.ledger_id: one for one in self._any_of("ledgers", "ledger_id", ids, Ledger)}

    def identities_by_id(self, ids: Iterable[str]) -> dict[str, Identity]:
        """Returns the identities that exist, by id."""
        return {one.identity_id: one for one in self._any_of("identities", "identity_id", ids, Identity)}

    def ledgers_by_name(self, names: Iterable[str]) -> dict[str, list[Ledger]]:
        """Returns ledgers by their exact name. Several ledgers may have the same name."""
        found: dict[str, list[Ledger]] = {}
        for one in self._any_of("ledgers", "name", names, Ledger):
            found.setdefault(one.name, []).append(one)
        return found

    def identities_by(self, field: str, values: Iterable[str]) -> dict[str, list[Identity]]:
        """Returns identities by the exact value of a field, such as `email_address` or
        `meta_data.customer_number`."""
        found: dict[str, list[Identity]] = {}
        key = field.removeprefix("meta_data.")
        for one in self._any_of("identities", field, values, Identity):
            value = one.meta_data.get(key) if key != field else getattr(one, field, None)
            found.setdefault(str(value), []).append(one)
        return found

    def balances_of(self, ledger_id: str, currency: str, identity_ids: Iterable[str]) -> list[Balance]:
        """Returns all balances that these identities have in this ledger and currency."""
        also = (Filter("ledger_id", "eq", ledger_id), Filter("currency", "eq", currency))
        return list(self._any_of("balances", "identity_id", identity_ids, Balance, also))

    def balances_with_indicator(self, indicators: Iterable[str]) -> list[Balance]:
        """Returns the balances that have one of these indicators.

        Raises:
            ReadFailed: With status 400 if the instance's version of Core has no indicators.
        """
        return list(self._any_of("balances", "indicator", indicators, Balance))

    def find_balances(self, filters: Sequence[Filter], *, page: int = 1) -> list[Balance]:
        """Returns the balances that match all of these filters.

        Args:
            filters: Conditions on fields, or on metadata as `meta_data.NAME`.
            page: Pages count from 1.

        Returns:
            At most 100 balances, newest first. A shorter page is the last.

        Raises:
            ReadFailed: With status 400 if the instance's version of Core does not know a field.
        """
        return self.find_balances_counted(filters, page=page)[0]

    def find_balances_counted(
        self, filters: Sequence[Filter], *, page: int = 1
    ) -> tuple[list[Balance], int | None]:
        """Like `find_balances`, with the total number of matches, or None if Blnk's answer does not contain
        it."""
        request = endpoints.search(
            self._instance_id, "balances", filters, page=page, sort_by="created_at", sort_order="desc"
        )
        answer = self._read(request)
        return parse(Balance, answer_meaning.read_rows(answer)), answer_meaning.read_total(answer)

    def find_by_refs(self, refs: Iterable[str], *, created_from: str | None = None) -> list[Balance]:
        """Returns the balances that were created with one of these refs, including duplicates.

        Refs that were not found are looked up again until an answer is empty, so a page full of duplicates
        cannot hide a balance.

        Args:
            refs: Any number of refs. They are looked up in lists of 99.
            created_from: Only balances created at or after this time by Blnk's clock, in UTC with Z.

        Returns:
            The balances, in no particular order. A ref without a balance here was not found at this moment.

        Raises:
            NothingCreated: Part of the look-up failed. That never means that a balance is absent.
        """
        found: list[Balance] = []
        for batch in batches(refs, endpoints.REFS_PER_LOOK):
            missing = set(batch)
            while missing:
                request = endpoints.find_refs(self._instance_id, sorted(missing), created_from=created_from)
                rows = parse(Balance, answer_meaning.read_rows(self._read(request)))
                if any(row.import_ref not in missing for row in rows):
                    raise errors.ReadFailed("Blnk's answer contains balances that were not requested.")
                if not rows:
                    break
                found += rows
                missing -= {row.import_ref for row in rows if row.import_ref}
        return found


_NAME_FIELDS = ("first_name", "last_name", "organization_name", "email_address")


def _searched(text: str) -> str:
    """What a person typed, without NUL, which Postgres rejects, and without extra white space."""
    return " ".join(text.replace("\0", "").split())


def _holds(field: str, text: str) -> Filter:
    return Filter(field, "ilike", pattern(text.replace("\0", "")))
