"""What a signed-in person does is asked of their session and of the settings as they are at that moment."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from blnk_api.access.actors import Actor, ActorKind, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.desk import desk as desk_
from blnk_api.errors import SettingsProblem
from blnk_api.sign_in import session_acts, session_here, signed_in
from blnk_api.sign_in_settings import SignIn
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import EndedHow, Identity
from tests.support.provider import Provider
from tests.support.signed_in import Desk

ADA = Identity("https://acme.example", "1", "Ada Lovelace", "ada@acme.example", True, groups=("finance",))
GRACE = Identity("https://acme.example", "2", "Grace Hopper", "grace@acme.example", True)
ROLES = """[roles]
preparer = ["group:finance"]
admin = ["grace@acme.example"]
"""


@dataclass
class Signed:
    """People who signed in to a desk."""

    desk: Desk
    secrets: str

    @property
    def sign_in(self) -> SignIn:
        found = self.desk.settings.sign_in
        assert found is not None
        return found

    def come(self, who: Identity) -> tuple[Actor, dict[str, str]]:
        """Somebody who has just signed in, and their cookies."""
        value = session_here.begin(self.desk.settings, self.sign_in, "acme", who, {})
        cookies = {self.sign_in.cookie: value}
        actor = signed_in.person(desk_.open_desk(), self.sign_in, cookies)
        assert actor is not None
        return actor, cookies


@pytest.fixture
def signed(open_desk: Desk, provider: Provider) -> Signed:
    secrets = provider.secrets(open_desk.url)
    open_desk.write_secrets(secrets + ROLES)
    return Signed(open_desk, secrets)


def test_a_person_acts_under_their_verified_name(signed: Signed) -> None:
    ada, _ = signed.come(ADA)
    assert ada.kind is ActorKind.PERSON
    assert (ada.name, ada.email, ada.issuer, ada.subject) == (
        *("Ada Lovelace", "ada@acme.example"),
        *("https://acme.example", "1"),
    )
    unverified, _ = signed.come(Identity("https://acme.example", "3", "Eve", "ada@acme.example", False))
    assert (unverified.name, unverified.email) == ("Eve", "")
    ada.require(Act.STOP_SENDING, None)
    with pytest.raises(NotAllowed):
        unverified.require(Act.VIEW, None)


def _sign_out(signed: Signed) -> None:
    with desk_.open_store(signed.desk.settings).write() as tx:
        for one in signed.desk.sessions():
            sessions.end(tx, one.id, EndedHow.SIGNED_OUT)


@pytest.mark.parametrize(
    "change",
    [
        _sign_out,
        lambda signed: signed.desk.let_pass(61 * 60),
        lambda signed: signed.desk.write_secrets(signed.secrets + ROLES.replace("group:finance", "group:x")),
        lambda signed: signed.desk.write_secrets(signed.secrets),
        lambda signed: signed.desk.write_secrets(""),
        lambda signed: signed.desk.write_secrets("[sign_in"),
    ],
    ids=["signed out", "not used", "another group", "no roles", "emptied file", "broken file"],
)
def test_an_act_is_denied_as_soon_as_it_is_not_allowed(
    signed: Signed, change: Callable[[Signed], None]
) -> None:
    ada, _ = signed.come(ADA)
    ada.require(Act.STOP_SENDING, None)
    change(signed)
    with pytest.raises((NotAllowed, SettingsProblem)) as refused:
        ada.require(Act.STOP_SENDING, None)
    assert "s3cr3t" not in str(refused.value)


def test_an_act_without_sign_in_is_denied_once_people_have_to_sign_in(
    open_desk: Desk, provider: Provider
) -> None:
    somebody = signed_in.unverified("Ada")
    somebody.require(Act.STOP_SENDING, None)
    open_desk.write_secrets(provider.secrets(open_desk.url) + ROLES)
    with pytest.raises(NotAllowed, match="You have to sign in to stop sending"):
        somebody.require(Act.STOP_SENDING, None)


def test_only_admins_see_sessions_and_end_them(signed: Signed) -> None:
    ada, cookies = signed.come(ADA)
    grace, _ = signed.come(GRACE)
    desk = desk_.open_desk()
    for refused in (
        lambda: session_acts.open_ones(desk, signed.sign_in, ada),
        lambda: session_acts.last(desk, ada, limit=10),
        lambda: session_acts.end(desk, ada, 1),
    ):
        with pytest.raises(NotAllowed):
            refused()
    open_ones = session_acts.open_ones(desk, signed.sign_in, grace)
    assert {one.who.name for one in open_ones} == {"Ada Lovelace", "Grace Hopper"}
    [hers] = [one for one in open_ones if one.who.name == "Ada Lovelace"]
    assert session_acts.end(desk, grace, hers.id)
    assert signed_in.is_signed_out(desk.store, cookies)
    assert [one.who.name for one in session_acts.open_ones(desk, signed.sign_in, grace)] == ["Grace Hopper"]
    [ended] = [one for one in session_acts.last(desk, grace, limit=10) if one.id == hers.id]
    assert (ended.ended_how, ended.ended_by) == (EndedHow.BY_ADMIN, "grace@acme.example")
