"""Who has a role, what a role allows, and the message for a person without permission."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blnk_api import settings as settings_
from blnk_api.access.actors import SENDER, Actor, ActorKind, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.access.person_permissions import ByRoles
from blnk_api.access.role_grants import Claims, Grants, read_grants
from blnk_api.access.roles import ROLES_THAT_MAY, Role
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Instance, Settings
from tests.support import papers

ADA = Claims("https://id.example", "1", "ada@acme.example", True, frozenset({"finance"}), frozenset({"Desk"}))
EAST = Instance("https://blnk.example", "east", "production")
WEST = Instance("https://blnk.example", "west", "production")


def test_the_table_of_the_docs_is_the_table_of_the_code() -> None:
    told = papers.table("docs/operating.md", "## Roles", nth=1)
    expected = [
        [act[0].upper() + act[1:], *("yes" if role in may else "" for role in Role)]
        for act, may in ROLES_THAT_MAY.items()
    ]
    assert told == expected


def test_every_act_is_in_the_table_and_no_role_alone_may_do_everything() -> None:
    assert set(ROLES_THAT_MAY) == set(Act)
    for role in Role:
        assert any(role not in may for may in ROLES_THAT_MAY.values())


def test_an_admin_as_such_neither_creates_nor_approves_balances() -> None:
    for act in (Act.UPLOAD, Act.CONFIRM, Act.CREATE_ONE, Act.SEND_AGAIN, Act.CREATE_AGAIN, Act.CANCEL):
        assert Role.ADMIN not in ROLES_THAT_MAY[act]


@pytest.mark.parametrize(
    "entry",
    [
        "ada@acme.example",
        "ADA@acme.example",
        "domain:acme.example",
        "domain:ACME.example",
        "group:finance",
        "role:Desk",
    ],
)
def test_a_person_is_named_by_address_domain_group_or_app_role(entry: str) -> None:
    assert Grants({Role.VIEWER: (entry,)}).roles_of(ADA) == {Role.VIEWER}


@pytest.mark.parametrize(
    "entry",
    [
        "ada@acme.example.evil",
        "domain:example",
        "domain:evil-acme.example",
        "domain:ada@acme.example",
        "group:Finance",
        "group:Desk",
        "role:finance",
        "finance",
    ],
)
def test_an_entry_that_only_looks_similar_names_nobody(entry: str) -> None:
    assert Grants({Role.ADMIN: (entry,)}).roles_of(ADA) == frozenset()


@pytest.mark.parametrize(
    "address",
    ["ma\u212ae@acme.example", "make@acme\u017fs.example", "make@acmeß.example", "make@acmes\u017f.example"],
)
@pytest.mark.parametrize("entry", ["make@acme.example", "make@acmess.example", "domain:acmess.example"])
def test_an_address_that_only_folds_to_another_one_gives_no_role(address: str, entry: str) -> None:
    """They are other mailboxes and other domains, which someone else may have."""
    assert Grants({Role.ADMIN: (entry,)}).roles_of(replace(ADA, email=address)) == frozenset()


def test_an_unverified_address_gives_no_role() -> None:
    grants = Grants({Role.ADMIN: ("ada@acme.example", "domain:acme.example")})
    assert grants.roles_of(replace(ADA, email_verified=False)) == frozenset()


def test_with_google_an_address_in_the_domain_is_not_an_account_of_the_organization() -> None:
    grants = Grants({Role.VIEWER: ("domain:acme.example",)})
    private = replace(ADA, issuer="https://accounts.google.com")
    assert grants.roles_of(private) == frozenset()
    assert grants.roles_of(replace(private, hosted_domain="acme.example")) == {Role.VIEWER}


TEXTS = st.text(max_size=12)


@given(TEXTS, TEXTS, st.booleans(), st.frozensets(TEXTS, max_size=3), st.frozensets(TEXTS, max_size=3), TEXTS)
def test_whatever_a_person_claims_they_have_no_role_where_nobody_is_named(
    issuer: str, email: str, verified: bool, groups: frozenset[str], roles: frozenset[str], domain: str
) -> None:
    claims = Claims(issuer, "1", email, verified, groups, roles, domain)
    assert Grants().roles_of(claims) == frozenset()
    named = Grants({Role.ADMIN: ("group:the one", "role:the one", "domain:the.one", "the@one.example")})
    assert named.roles_of(claims) == frozenset()


@given(st.dictionaries(st.sampled_from(Role), st.lists(st.sampled_from(["group:finance", "group:it"]))))
def test_being_named_more_often_never_gives_fewer_roles(given_: dict[Role, list[str]]) -> None:
    fewer = Grants({role: tuple(listed[:1]) for role, listed in given_.items()})
    more = Grants({role: tuple(listed) for role, listed in given_.items()})
    assert fewer.roles_of(ADA) <= more.roles_of(ADA)


@given(st.text(max_size=20))
def test_an_entry_is_read_or_rejected_without_a_failure(entry: str) -> None:
    with suppress(SettingsProblem):
        read_grants({"viewer": [entry]}, "roles")


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "finance",
            "group:",
            "role: ",
            "domain:",
            "domain:ada@acme.example",
            "@acme.example",
            "ada@",
            "*",
            "",
        ),
        *(
            " ada@acme.example",
            "group:a\nb",
            "domain:acme",
            "ada@acme",
            "Domain:acme.example",
            "team:finance",
        ),
        *("team:finance", "", 7),
    ],
)
def test_an_entry_that_can_match_nobody_is_named_at_the_start(entry: object) -> None:
    with pytest.raises(SettingsProblem, match=r"^roles\.admin should be a list"):
        read_grants({"admin": [entry]}, "roles")


def test_a_role_that_does_not_exist_is_named() -> None:
    with pytest.raises(SettingsProblem, match=r"^roles\.aprover is not a known role"):
        read_grants({"aprover": []}, "roles")
    with pytest.raises(SettingsProblem, match=r"^roles must be a table"):
        read_grants(["ada@acme.example"], "roles")


SECRETS = """
practice = false
[connections.east]
base_url = "https://blnk.example"
instance_id = "east"
access_token = "t"
label = "East"
[connections.west]
base_url = "https://blnk.example"
instance_id = "west"
access_token = "t"
label = "West"
"""
PROVIDER = """
[sign_in]
url = "https://desk.example.com"
[sign_in.providers.acme]
issuer = "https://id.example"
client_id = "desk"
client_secret = "s"
"""
SIGN_IN = PROVIDER + "[roles]\nviewer = ['domain:acme.example']\nadmin = ['cto@acme.example']\n"
WEST_ALONE = "[connections.west.roles]\napprover = ['group:finance']\n"


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    return settings_.load({"BLNK_SECRETS_FILE": str(path), "BLNK_DATA_DIR": str(tmp_path)})


def may(settings: Settings, act: Act, instance: Instance | None, claims: Claims | None = ADA) -> bool:
    actor = Actor.person(
        issuer="i", subject="1", name="Ada", email="", access=ByRoles(lambda: claims, lambda: settings)
    )
    return actor.may(act, instance)


def test_a_connections_own_roles_replace_those_of_the_desk_there(tmp_path: Path) -> None:
    settings = read(tmp_path, SECRETS + WEST_ALONE + SIGN_IN)
    assert may(settings, Act.VIEW, EAST)
    assert not may(settings, Act.CANCEL, EAST)
    assert may(settings, Act.CANCEL, WEST)
    cto = Claims("i", "2", "cto@acme.example", True)
    assert may(settings, Act.START_SENDING, None, cto)
    assert not may(settings, Act.VIEW, WEST, cto), "whoever is not named there has no role there"


def test_an_instance_without_a_connection_is_for_admins_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, SECRETS + WEST_ALONE + SIGN_IN)
    gone = replace(WEST, instance_id="north")
    assert not may(settings, Act.VIEW, gone)
    assert may(settings, Act.VIEW, gone, Claims("i", "2", "cto@acme.example", True))


def test_a_removed_role_takes_effect_at_the_next_act(tmp_path: Path) -> None:
    now = [read(tmp_path, SECRETS + SIGN_IN)]
    session: list[Claims | None] = [ADA]
    access = ByRoles(lambda: session[0], lambda: now[0])
    ada = Actor.person(issuer="i", subject="1", name="Ada", email="", access=access)
    ada.require(Act.VIEW, EAST)
    now[0] = read(tmp_path, SECRETS + SIGN_IN.replace("acme.example'", "other.example'"))
    with pytest.raises(NotAllowed, match="You have no role for “East”"):
        ada.require(Act.VIEW, EAST)
    session[0] = None
    with pytest.raises(NotAllowed, match=r"^You are signed out\. Nothing was changed or created\."):
        ada.require(Act.VIEW, EAST)


def test_a_person_without_permission_reads_what_was_denied_and_whom_to_ask(tmp_path: Path) -> None:
    text = SECRETS + SIGN_IN + "preparer = ['ben@acme.example', 'group:makers', 'role:Maker']\n"
    access = ByRoles(lambda: ADA, lambda: read(tmp_path, text))
    with pytest.raises(NotAllowed) as refused:
        access.require(Act.CONFIRM, EAST)
    assert str(refused.value) == (
        "You are not allowed to confirm an import in “East”. Nothing was changed or created. This needs the "
        "preparer role. People who have it: ben@acme.example, members of the group “makers”, people with the "
        "role “Maker”."
    )
    nobody = ByRoles(lambda: Claims("i", "9"), lambda: read(tmp_path, text))
    with pytest.raises(NotAllowed) as refused:
        nobody.require(Act.VIEW, EAST)
    assert str(refused.value) == (
        "You have no role for “East”, so you are not allowed to see imports, balances and receipts. Nothing "
        "was changed or created. To get one, ask an admin: cto@acme.example."
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SECRETS + "[roles]\nadmin = ['a@b.example']\n", r"^roles has no effect without \[sign_in\]"),
        (SECRETS + WEST_ALONE, r"^connections\.west\.roles has no effect without \[sign_in\]"),
        (SECRETS + PROVIDER, r"^roles is missing, so nobody who signs in could do anything"),
        (
            SECRETS.replace('"east"', '"west"') + WEST_ALONE + SIGN_IN,
            r"^connections\.west\.roles and connections\.east\.roles should be the same",
        ),
    ],
)
def test_roles_that_would_stop_nobody_or_everybody_are_rejected(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsProblem, match=told):
        read(tmp_path, text)


def test_without_sign_in_everyone_may_do_everything_and_so_may_the_server_itself() -> None:
    for actor in (Actor.unverified("Ada"), Actor.machine("root"), SENDER):
        assert all(actor.may(act, instance) for act in Act for instance in (EAST, None))


def test_an_actor_read_from_the_database_may_do_nothing() -> None:
    for kind in ActorKind:
        with pytest.raises(NotAllowed):
            Actor(kind, "Ada").require(Act.VIEW, EAST)


def test_a_person_stays_the_same_under_another_name_and_nobody_else_does() -> None:
    access = ByRoles(lambda: None, lambda: None)  # type: ignore[arg-type,return-value]
    ada = Actor.person(issuer="i", subject="1", name="Ada", email="ada@acme.example", access=access)
    married = Actor.person(issuer="i", subject="1", name="Ada King", email="", access=access)
    other = Actor.person(issuer="j", subject="1", name="Ada", email="ada@acme.example", access=access)
    assert ada.is_same_as(married)
    assert not ada.is_same_as(other)
    assert not ada.is_same_as(Actor.unverified("Ada"))


def test_the_examples_of_the_docs_give_the_roles_that_they_show(tmp_path: Path) -> None:
    desk, connection = (
        block for block in papers.blocks("docs/operating.md", "toml") if "roles]" in block.split("\n")[0]
    )
    text = SECRETS.replace("connections.east", "connections.acme-production") + PROVIDER
    found = read(tmp_path, text + desk + connection)
    lead = Claims("i", "3", groups=frozenset({"finance-leads"}), roles=frozenset({"Desk.Approver"}))
    assert found.roles is not None
    assert found.roles.roles_of(lead) == {Role.APPROVER}
    assert found.roles.roles_of(ADA) == {Role.VIEWER, Role.PREPARER}
    narrower = found.connections["acme-production"].roles
    assert narrower is not None
    assert narrower.roles_of(lead) == frozenset()
    assert narrower.roles_of(ADA) == {Role.PREPARER}
