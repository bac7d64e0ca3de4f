"""Blnk as pages and scripts use it: what there is, what was found, and one balance made at a time.

    client = BlnkClient(connection)
    balance = client.create_balance(BalanceRequest(ledger_id="ldg_…", currency="USD"))

Every failure is of the tree in `errors`, which says first whether a balance may have been created.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import assert_never

from blnk_api import errors
from blnk_api.blnk import answers, endpoints, outcomes
from blnk_api.blnk.endpoints import Filter
from blnk_api.blnk.outcomes import Meaning
from blnk_api.blnk.reader import Reader, batches, parse
from blnk_api.blnk.replies import Answer
from blnk_api.common.names import fold, pattern
from blnk_api.models import Balance, BalanceRequest, Identity, Ledger


class BlnkClient(Reader):
    """One connection's Blnk. Safe to share between threads. A read that fails raises: it is never absence."""

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
                told = f"{message} A balance may have been created. Check Blnk before you send this again."
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
        return parse(Balance, [answers.read_one(said)])[0]

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
        return parse(Balance, answers.read_rows(self._read(asked)))

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
        for batch in batches(refs, endpoints.REFS_PER_LOOK):
            missing = set(batch)
            while missing:
                request = endpoints.find_refs(self._instance_id, sorted(missing), created_from=created_from)
                rows = parse(Balance, answers.read_rows(self._read(request)))
                if any(row.import_ref not in missing for row in rows):
                    raise errors.ReadFailed("Blnk's answer contains balances that were not requested.")
                if not rows:
                    break
                found += rows
                missing -= {row.import_ref for row in rows if row.import_ref}
        return found


_NAME_FIELDS = ("first_name", "last_name", "organization_name", "email_address")


def _searched(text: str) -> str:
    """What a person typed, without what no name holds and Postgres refuses."""
    return " ".join(text.replace("\0", "").split())


def _holds(field: str, text: str) -> Filter:
    return Filter(field, "ilike", pattern(text.replace("\0", "")))
