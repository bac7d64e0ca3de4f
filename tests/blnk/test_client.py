"""The client against Practice: what Blnk holds afterwards is the only truth."""

import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from blnk_api import errors
from blnk_api.blnk.auth import Token
from blnk_api.client import BlnkClient
from blnk_api.models import BalanceRequest
from tests.support.connections import PATIENCE_SECONDS, connection_of, connection_to, read_request, server
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

LEDGER = "ldg_00000001-0000-4000-8000-000000000001"
SAVINGS = "ldg_00000003-0000-4000-8000-000000000003"
ADA = "idt_00000001-0000-4000-8000-000000000001"
ASKED = BalanceRequest(ledger_id=LEDGER, currency="USD")


@pytest.fixture
def client(blnk: PracticeBlnk) -> Iterator[BlnkClient]:
    with BlnkClient(connection_of(blnk)) as client:
        yield client


def creates(blnk: PracticeBlnk) -> int:
    """How many POSTs arrived that ask for a balance."""
    return int(blnk.requests()["by_kind"].get("create", 0))


def test_a_script_creates_the_balance_that_it_requests(blnk: PracticeBlnk, client: BlnkClient) -> None:
    asked = BalanceRequest(ledger_id=LEDGER, currency="NGN", identity_id=ADA, meta_data={"naam": "Zoë 💶"})

    balance = client.create_balance(asked, ref="ref-1", import_id="imp_1")

    [held] = blnk.balances()
    assert held["balance_id"] == balance.balance_id
    assert (held["ledger_id"], held["currency"], held["identity_id"]) == (LEDGER, "NGN", ADA)
    assert held["meta_data"] == {"naam": "Zoë 💶", "import_ref": "ref-1", "import_id": "imp_1"}


def test_a_field_that_blnk_drops_is_a_warning(blnk: PracticeBlnk, client: BlnkClient) -> None:
    blnk.set_core("0.15.2")

    created = client.create(BalanceRequest(ledger_id="general_ledger_id", currency="USD", indicator="@Fees"))

    assert created.warnings == ("indicator is empty in Blnk",)
    assert len(blnk.balances()) == 1


def test_a_rejection_is_in_blnks_words_and_nothing_is_created(blnk: PracticeBlnk, client: BlnkClient) -> None:
    with pytest.raises(errors.Refused, match="This ledger does not exist in Blnk") as refused:
        client.create_balance(BalanceRequest(ledger_id="ldg_nowhere", currency="USD"))

    assert (refused.value.status, refused.value.code) == (400, "GEN_BAD_REQUEST")
    assert blnk.balances() == []


def test_a_balance_that_already_exists_is_a_conflict(blnk: PracticeBlnk, client: BlnkClient) -> None:
    blnk.set_core("0.15.3")
    fees = BalanceRequest(ledger_id="general_ledger_id", currency="USD", indicator="@Fees")
    client.create_balance(fees)

    with pytest.raises(errors.Conflict):
        client.create_balance(fees)

    assert len(blnk.balances()) == 1


@pytest.mark.parametrize(
    ("fault", "error", "held"),
    [
        ({"kind": "drop_before_commit"}, errors.MaybeCreated, 0),
        ({"kind": "drop_after_commit"}, errors.MaybeCreated, 1),
        ({"kind": "status_before_commit", "status": 500}, errors.MaybeCreated, 0),
        ({"kind": "status_after_commit", "status": 502, "answer": "html"}, errors.MaybeCreated, 1),
        ({"kind": "status_after_commit", "status": 408}, errors.MaybeCreated, 1),
        ({"kind": "truncated_201"}, errors.MaybeCreated, 1),
        ({"kind": "wrong_ref_201"}, errors.MaybeCreated, 1),
        ({"kind": "html_200"}, errors.MaybeCreated, 0),
        ({"kind": "hang"}, errors.MaybeCreated, 0),
        ({"kind": "rate_limited", "retry_after": "7"}, errors.RateLimited, 0),
        ({"kind": "rate_limited"}, errors.RateLimited, 0),
        ({"kind": "forbid"}, errors.AccessDenied, 0),
        ({"kind": "revoke"}, errors.AccessDenied, 0),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_every_failure_says_whether_a_balance_may_exist_and_is_sent_once(
    blnk: PracticeBlnk, fault: JsonObject, error: type[errors.BlnkError], held: int
) -> None:
    blnk.order_fault(**fault)

    timeout = 0.4 if fault["kind"] == "hang" else PATIENCE_SECONDS
    with BlnkClient(connection_of(blnk, timeout=timeout)) as client, pytest.raises(error) as raised:
        client.create_balance(ASKED, ref="ref-1")

    assert isinstance(raised.value, errors.MaybeCreated) != isinstance(raised.value, errors.NothingCreated)
    assert len(blnk.balances()) == held
    assert creates(blnk) == 1
    if isinstance(raised.value, errors.RateLimited):
        assert raised.value.retry_after_seconds == (7.0 if "retry_after" in fault else None)


def test_a_401_to_an_older_token_is_repeated_once_with_the_newer_one(blnk: PracticeBlnk) -> None:
    class Renewed:
        def current(self) -> Token:
            return Token("blnk_at_of_yesterday", generation=1)

        def newer_than(self, generation: int) -> Token:
            assert generation == 1
            return Token(blnk.token, generation=2)

    with BlnkClient(connection_of(blnk), tokens=Renewed()) as client:
        balance = client.create_balance(ASKED)
        assert client.get_balance(balance.balance_id).currency == "USD"

    assert [held["balance_id"] for held in blnk.balances()] == [balance.balance_id]
    assert creates(blnk) == 2


def test_a_token_that_blnk_never_accepts_stops_with_what_to_do(blnk: PracticeBlnk) -> None:
    denied = r"access token of Acme.*access_token of \[connections.acme\]"
    with BlnkClient(replace(connection_of(blnk), credentials="wrong")) as client:
        with pytest.raises(errors.AccessDenied, match=denied):
            client.create_balance(ASKED)
        with pytest.raises(errors.AccessDenied, match=denied):
            client.list_ledgers()

    assert blnk.balances() == []


def test_threads_may_share_a_client(blnk: PracticeBlnk, client: BlnkClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: client.create_balance(ASKED, ref=f"ref-{n:02}"), range(40)))

    assert len({balance.balance_id for balance in made}) == 40
    assert blnk.refs() == [f"ref-{n:02}" for n in range(40)]


def test_no_secret_is_in_what_is_raised_printed_or_logged(
    blnk: PracticeBlnk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [repr(connection_of(blnk))]
    for kind in ("drop_after_commit", "status_after_commit", "html_200", "revoke", "rate_limited", "hang"):
        client = BlnkClient(connection_of(blnk, timeout=0.3 if kind == "hang" else PATIENCE_SECONDS))
        told.append(repr(client))
        blnk.clear_faults()
        blnk.order_fault(kind, on="any")
        for act in (lambda client: client.create_balance(ASKED), BlnkClient.list_ledgers):
            with pytest.raises(errors.BlnkError) as raised:
                act(client)
            said = raised.value
            told += [*traceback.format_exception(said), repr(said), repr(vars(said)), repr(said.__context__)]
            assert "instance_id" not in str(said)

    assert [text for text in (*told, caplog.text) if blnk.token in text] == []


def test_a_balance_is_read_by_its_id(blnk: PracticeBlnk, client: BlnkClient) -> None:
    made = client.create_balance(ASKED, ref="ref-1")

    read = client.get_balance(made.balance_id)

    assert (read.balance_id, read.import_ref, read.ledger_id) == (made.balance_id, "ref-1", LEDGER)


@pytest.mark.parametrize("typed", ["bln_nowhere", "bln_1/../../ledgers", "x?y#z"])
def test_an_id_that_blnk_does_not_know_is_not_found(client: BlnkClient, typed: str) -> None:
    with pytest.raises(errors.NotFound):
        client.get_balance(typed)


def test_ledgers_and_identities_come_in_pages(blnk: PracticeBlnk, client: BlnkClient) -> None:
    for n in range(100):
        blnk.create_ledger(f"Branch {n:03}")

    first, second = client.list_ledgers(), client.list_ledgers(2)

    assert (len(first), len(second)) == (100, 4)
    assert {one.name for one in second} >= {"General Ledger", "Savings"}
    assert len(client.list_identities()) == 20


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("wallet", ["Customer wallets"]),
        ("  CUSTOMER  wallets ", ["Customer wallets"]),
        (SAVINGS, ["Savings"]),
        ("general_ledger_id", ["General Ledger"]),
        ("%", ["50% fees"]),
        ("_", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("nowhere\0", []),
    ],
)
def test_a_ledger_is_found_by_a_part_of_its_name_or_its_id(
    blnk: PracticeBlnk, client: BlnkClient, typed: str, names: list[str]
) -> None:
    for name in ("50% fees", "a_b", "back\\slash"):
        blnk.create_ledger(name)

    assert [one.name for one in client.search_ledgers(typed)] == names


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("okafor", ["Ada Okafor"]),
        ("Ada Okafor", ["Ada Okafor"]),
        ("Okafor, Ada", ["Ada Okafor"]),
        ("ada.okafor@", ["Ada Okafor"]),
        ("zoë van dijk", ["Zoë van Dijk"]),
        ("van dijk", ["Zoë van Dijk"]),
        ("kite & sons", ["Kite & Sons Limited"]),
        (ADA, ["Ada Okafor"]),
        ("Ada Rossi", []),
    ],
)
def test_an_identity_is_found_by_name_email_or_id(client: BlnkClient, typed: str, names: list[str]) -> None:
    assert [one.name for one in client.search_identities(typed)] == names


def test_an_empty_search_returns_the_first_page(client: BlnkClient) -> None:
    assert len(client.search_ledgers(" ")) == 4
    assert len(client.search_identities("")) == 20


def test_many_ids_are_looked_up_in_few_requests(blnk: PracticeBlnk, client: BlnkClient) -> None:
    blnk.forget_requests()
    wanted = [LEDGER, *(f"ldg_{n}" for n in range(150)), SAVINGS, SAVINGS]

    found = client.ledgers_by_id(wanted)

    assert {ledger_id: one.name for ledger_id, one in found.items()} == {
        LEDGER: "Customer wallets",
        SAVINGS: "Savings",
    }
    assert blnk.requests()["by_kind"] == {"filter": 2}
    assert list(client.identities_by_id([ADA, "idt_nowhere"])) == [ADA]
    assert client.ledgers_by_id([]) == {}


def test_ledgers_of_one_name_are_all_found(blnk: PracticeBlnk, client: BlnkClient) -> None:
    twins = {blnk.create_ledger("Savings") for _ in range(101)} | {SAVINGS}

    found = client.ledgers_by_name(["Savings", "savings", "Nowhere"])

    assert list(found) == ["Savings"]
    assert {one.ledger_id for one in found["Savings"]} == twins


def test_identities_are_found_by_what_a_file_calls_them(blnk: PracticeBlnk, client: BlnkClient) -> None:
    blnk.create_identity(identity_type="individual", first_name="Ola", meta_data={"customer_number": "007"})

    by_mail = client.identities_by("email_address", ["ada.okafor@example.com", "nobody@example.com"])
    by_number = client.identities_by("meta_data.customer_number", ["007", "7"])

    assert {mail: [one.identity_id for one in found] for mail, found in by_mail.items()} == {
        "ada.okafor@example.com": [ADA]
    }
    assert {number: [one.name for one in found] for number, found in by_number.items()} == {"007": ["Ola"]}


def test_a_customer_that_has_a_balance_already_is_found(blnk: PracticeBlnk, client: BlnkClient) -> None:
    mine = BalanceRequest(ledger_id=LEDGER, currency="USD", identity_id=ADA)
    made = client.create_balance(mine)
    client.create_balance(mine.model_copy(update={"currency": "EUR"}))
    client.create_balance(mine.model_copy(update={"ledger_id": SAVINGS}))
    client.create_balance(ASKED)

    found = client.balances_of(LEDGER, "USD", [ADA, "idt_nowhere"])

    assert [one.balance_id for one in found] == [made.balance_id]
    assert client.balances_of(LEDGER, "USD", []) == []


def test_any_number_of_refs_is_found(blnk: PracticeBlnk, client: BlnkClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.create_balance(ASKED, ref=f"ref-{n}"), range(150)))

    found = client.find_by_refs(f"ref-{n}" for n in range(300))

    assert sorted(one.import_ref or "" for one in found) == sorted(f"ref-{n}" for n in range(150))


def test_a_page_full_of_duplicates_hides_no_other_ref(blnk: PracticeBlnk, client: BlnkClient) -> None:
    client.create_balance(ASKED, ref="ref-old")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.create_balance(ASKED, ref="ref-twin"), range(100)))

    found = client.find_by_refs(["ref-old", "ref-twin", "ref-none"])

    assert {one.import_ref for one in found} == {"ref-old", "ref-twin"}


def test_a_filter_that_returns_too_little_is_asked_again(blnk: PracticeBlnk, client: BlnkClient) -> None:
    refs = [f"ref-{n:02}" for n in range(30)]
    for ref in refs:
        client.create_balance(ASKED, ref=ref)
    blnk.order_fault("short_filter", times=1, seed=3)

    found = client.find_by_refs(refs)

    assert sorted(one.import_ref or "" for one in found) == refs
    assert blnk.faults()[0]["fired"] == 1


def test_a_look_up_can_be_bounded_by_blnks_own_time(blnk: PracticeBlnk, client: BlnkClient) -> None:
    client.create_balance(ASKED, ref="ref-1")

    assert client.find_by_refs(["ref-1"], created_from="2020-01-01T00:00:00Z")
    assert not client.find_by_refs(["ref-1"], created_from="2999-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html_200"},
        {"kind": "drop_before_commit"},
        {"kind": "status_before_commit", "status": 503},
        {"kind": "rate_limited", "retry_after": "60"},
        {"kind": "revoke"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_failed_look_up_never_means_absence(
    blnk: PracticeBlnk, client: BlnkClient, fault: JsonObject
) -> None:
    client.create_balance(ASKED, ref="ref-1")
    blnk.order_fault(**fault, on="filter")

    with pytest.raises(errors.NothingCreated):
        client.find_by_refs(["ref-1"])


def test_an_answer_about_other_refs_is_no_answer() -> None:
    other = b'{"data": [{"balance_id": "b", "ledger_id": "l", "currency": "USD", "meta_data": null}]}'

    def answer(line: socket.socket) -> None:
        read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(other), other))

    with (
        server(answer) as port,
        BlnkClient(connection_to(f"http://127.0.0.1:{port}")) as client,
        pytest.raises(errors.ReadFailed, match="not requested"),
    ):
        client.find_by_refs(["ref-1"])


def test_a_short_wait_that_blnk_asks_of_a_read_is_waited_for_once(blnk: PracticeBlnk) -> None:
    waited: list[float] = []
    with BlnkClient(connection_of(blnk), sleep=waited.append) as client:
        blnk.order_fault("rate_limited", on="read", times=1, retry_after="1")
        assert len(client.list_ledgers()) == 4
        assert waited == [1.0]

        blnk.order_fault("rate_limited", on="read", times=2, retry_after="2")
        with pytest.raises(errors.RateLimited):
            client.list_ledgers()
        assert waited == [1.0, 2.0]

        for header in ({"retry_after": "3"}, {}):
            blnk.order_fault("rate_limited", on="read", times=1, **header)
            with pytest.raises(errors.RateLimited):
                client.list_ledgers()
        assert waited == [1.0, 2.0]


def test_permission_to_read_is_asked_for_without_guessing(blnk: PracticeBlnk, client: BlnkClient) -> None:
    writes_only = replace(connection_of(blnk), credentials=blnk.new_token(["proxy:write"]))

    assert client.may_read()
    with BlnkClient(writes_only) as writer:
        assert not writer.may_read()
        writer.create_balance(ASKED)
    nobody = BlnkClient(replace(writes_only, credentials="wrong"))
    with pytest.raises(errors.AccessDenied):
        nobody.may_read()
    blnk.order_fault("status_before_commit", status=500, on="read")
    with pytest.raises(errors.ReadFailed):
        client.may_read()
    assert len(blnk.balances()) == 1


TOKEN = "blnk_at_tell/nobody<this>"


def quoting(status: int, body: str) -> Callable[[socket.socket], None]:
    """A host that answers so, and quotes the token that it was shown."""

    def talk(line: socket.socket) -> None:
        shown = read_request(line).partition(b"Authorization: Bearer ")[2].partition(b"\r\n")[0]
        told = body.encode().replace(b"TOKEN", shown)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(told)}\r\nX-Request-Id: req-{status}\r\n"
        # A read is asked again: not on this line, which ends here.
        line.sendall(f"{head}Connection: close\r\n\r\n".encode() + told)

    return talk


@pytest.mark.parametrize("act", ["create", "read"])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 502])
def test_an_error_carries_what_support_needs_and_never_the_token(status: int, act: str) -> None:
    body = '{"error": "no TOKEN", "error_detail": {"code": "GEN_TEST", "message": "Bearer TOKEN"}}'
    with (
        server(quoting(status, body)) as port,
        BlnkClient(connection_to(f"http://127.0.0.1:{port}", token=TOKEN), sleep=lambda _: None) as client,
        pytest.raises(errors.BlnkError) as raised,
    ):
        client.create(ASKED) if act == "create" else client.list_ledgers()

    failed = raised.value
    assert (failed.status, failed.code, failed.request_id) == (status, "GEN_TEST", f"req-{status}")
    assert (
        failed.answer
        == '{"error": "no [hidden]", "error_detail": {"code": "GEN_TEST", "message": "Bearer [hidden]"}}'
    )
    told = "".join(traceback.format_exception(failed)) + repr(vars(failed))
    assert "tell/nobody" not in told


def test_a_request_without_an_answer_has_nothing_for_support(blnk: PracticeBlnk) -> None:
    with (
        BlnkClient(connection_to("http://127.0.0.1:9"), sleep=lambda _: None) as client,
        pytest.raises(errors.NotConnected) as raised,
    ):
        client.create(ASKED)
    assert (raised.value.status, raised.value.code, raised.value.request_id) == (None, "", "")
    assert raised.value.answer == ""
