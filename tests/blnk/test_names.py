"""A ledger or a customer is found by its name however that is typed, whatever else is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blnk_api.client import BlnkClient
from blnk_api.common.name_matching import fold, pattern
from blnk_api.drafts import reference_data
from blnk_api.drafts.checking import Known, Wanted
from blnk_api.drafts.checking.cells import identities, ledgers
from blnk_api.facts.mapping import Mapping
from tests.support.connections import connection_of
from tests.support.practice import PracticeBlnk

ADA = "idt_00000001-0000-4000-8000-000000000001"
CAFE = "ldg_00000004-0000-4000-8000-000000000004"
SEED = Path(__file__).parents[1] / "samples-2" / "environment.json"
SPELLINGS = [
    ("ada okafor", ADA),
    ("ADA.OKAFOR@EXAMPLE.COM", ADA),
    ("\u202aAda\u00a0 OKAFOR\u202c", ADA),
    ("luci\u0301a ferna\u0301ndez", "idt_00000011-0000-4000-8000-000000000011"),
    ("o\u2019brien LTD", "idt_00000023-0000-4000-8000-000000000023"),
]


@pytest.fixture(scope="module")
def blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    with PracticeBlnk(tmp_path_factory.mktemp("names"), seed=SEED) as blnk:
        yield blnk


@pytest.fixture
def client(blnk: PracticeBlnk) -> Iterator[BlnkClient]:
    with BlnkClient(connection_of(blnk)) as client:
        yield client


def known(client: BlnkClient, *texts: str, ledger: bool = False) -> Known:
    asked = Wanted(ledgers=set(texts)) if ledger else Wanted(identities=set(texts))
    return reference_data.known_in_blnk(client, asked, Mapping(columns=()))


@pytest.fixture(params=["asked one by one", "all walked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blnk says that it holds very many, or few."""
    many = request.param == "asked one by one"
    monkeypatch.setattr(BlnkClient, "count", lambda _self, _what: 10_000_000 if many else 10)
    if many:
        monkeypatch.setattr(reference_data, "MOST_LEDGERS_FOR_PROPOSALS", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("typed", "id"), SPELLINGS)
def test_a_customer_is_found_however_the_name_is_typed(client: BlnkClient, typed: str, id: str) -> None:
    alone = known(client, typed)
    among = known(client, typed, "Ada Okafor", "ada.okafor@example.com", "Nobody", "Same Name")
    assert identities(alone).find(typed) == identities(among).find(typed)
    assert identities(alone).find(typed)[0] == id


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("typed", "id"),
    [
        ("Cafe\u0301 d\u2019Orle\u0301ans", CAFE),
        ("CAF\u00c9 D\u2019ORL\u00c9ANS", CAFE),
        ("\u202asavings\u202c", "ldg_00000003-0000-4000-8000-000000000003"),
        ("\u043a\u043b\u0438\u0435\u043d\u0442\u044b", "ldg_0000000c-0000-4000-8000-00000000000c"),
        ("\u7535\u5b50\u94b1\u5305 ", "ldg_0000000f-0000-4000-8000-00000000000f"),
        ("CASE TWIN", "ldg_00000008-0000-4000-8000-000000000008"),
    ],
)
def test_a_ledger_is_found_however_its_name_is_typed(client: BlnkClient, typed: str, id: str) -> None:
    assert ledgers(known(client, typed, ledger=True)).find(typed)[0] == id


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("typed", ["case twin", "Twin", "TWIN"])
def test_a_name_of_several_lists_their_ids(client: BlnkClient, typed: str) -> None:
    found, (told,) = ledgers(known(client, typed, ledger=True)).find(typed)
    assert (found, told.kind) == (None, "ambiguous_ledger")
    assert told.message.count("ldg_") == 2


@pytest.mark.usefixtures("way")
def test_two_customers_of_one_name_are_both_reported_however_it_is_shortened(
    blnk: PracticeBlnk, client: BlnkClient
) -> None:
    kind = "individual"
    one = blnk.create_identity(identity_type=kind, first_name="Mary", last_name="Ann Lee")
    two = blnk.create_identity(identity_type=kind, first_name="Mary Ann", last_name="Lee")
    for typed in ("Mary Ann Lee", "mary ann lee"):
        found, (told,) = identities(known(client, typed)).find(typed)
        assert found is None
        assert all(str(id) in told.message for id in (one, two))


def test_the_form_uses_the_same_rule(client: BlnkClient) -> None:
    for typed, id in SPELLINGS:
        assert id in [one.identity_id for one in client.search_identities(typed)]
    assert [one.ledger_id for one in client.search_ledgers("cafe\u0301 d\u2019orle\u0301")] == [CAFE]
    assert client.search_ledgers("cafe d\u2019orle\u0301") == []


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ("STRASSE", "Stra\u00dfe"),
        ("caf\u00e9", "CAFE\u0301"),
        ("\u03c3\u03bf\u03c6\u03cc\u03c2", "\u03a3\u039f\u03a6\u038c\u03a3"),
        ("Sav\u200bings", "savings"),
        ("a \t b", "A\u00a0B"),
        ("\ud55c\uad6d", "\ud55c\uad6d"),
    ],
)
def test_names_that_a_person_cannot_tell_apart_are_the_same(typed: str, held: str) -> None:
    assert fold(typed) == fold(held)


def test_a_question_holds_a_gap_for_every_letter_that_is_stored_in_several_ways() -> None:
    assert pattern("Caf\u00e9 d\u2019Orl\u00e9ans") == "%caf%d%orl%ans%"
    assert pattern("100%_a") == "%100%a%"
    assert pattern("%_") == "%\\%\\_%"
    assert pattern("STRASSE") == "%ra%e%"
    assert pattern("\u304c\u3044") == "%\u3044%"


def test_tokens_are_not_mentioned_if_blnk_has_none(client: BlnkClient) -> None:
    _, (told,) = identities(known(client, "Grace Mwangi")).find("Grace Mwangi")
    assert "token" not in told.message


def test_customers_stored_as_tokens_are_not_found_by_those_fields_and_this_is_reported(
    blnk: PracticeBlnk, client: BlnkClient
) -> None:
    tokens = {"FirstName": True, "LastName": True, "EmailAddress": True, "OrganizationName": False}
    id = blnk.create_identity(
        identity_type="individual",
        first_name="q8Xk2",
        last_name="Zr41p",
        email_address="m0vV9@x1.zz",
        meta_data={"tokenized_fields": tokens},
    )
    found, (told,) = identities(known(client, "Grace Mwangi")).find("Grace Mwangi")
    assert found is None
    assert "keeps the email addresses and names of some identities as tokens" in told.message
    assert "Enter the identity's id" in told.message
    assert identities(known(client, id)).find(id)[0] == id
