"""Every function of blnk_api that changes something, called by a person of each role and of none."""

import ast
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from blnk_api.access.actors import Actor, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.access.person_permissions import ByRoles
from blnk_api.access.role_grants import Claims, Grants
from blnk_api.access.roles import ROLES_THAT_MAY, Role
from blnk_api.client import BlnkClient
from blnk_api.desk import desk as desk_
from blnk_api.drafts import confirmed_totals, drafts, form_request
from blnk_api.drafts.edits import by_cause, editing, file_choices, skipping, undo
from blnk_api.drafts.edits.editing import Edit
from blnk_api.drafts.guide.causes import Cause
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping as Columns
from blnk_api.facts.totals import ProblemSummary
from blnk_api.models import BalanceRequest
from blnk_api.practice import fault_switches
from blnk_api.reports import trail
from blnk_api.review import actions, approving, draft_of_fixes, repeat_fixes, resend_repaired
from blnk_api.settings import Settings
from blnk_api.sign_in import session_acts
from blnk_api.sign_in_settings import SignIn
from blnk_api.store import Store, import_acts, imports, tables
from blnk_api.store.approvals import new_request
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.people import metadata_shown, notes, saved_mappings
from blnk_api.store.sending import stops
from blnk_api.store.states import ImportState, PausedBy
from blnk_api.store.trail.reading import Wanted
from tests.support.connections import connection_to
from tests.support.json_object import JsonObject
from tests.support.store import draft, ids_of, running, set_columns

ROOT = Path(__file__).parents[2]
HERE = connection_to("https://blnk.example")


@dataclass
class Desk:
    """A draft, and imports that are underway and over, in one connection's instance."""

    store: Store
    settings: Settings
    draft: Import
    underway: Import
    over: Import
    row: int

    @property
    def whole(self) -> desk_.Desk:
        return desk_.Desk(self.settings, self.store)


Call = Callable[[Desk, Actor], object]


def in_tx(act: Callable[..., object], *args: object, **more: object) -> Call:
    """With a transaction; functions among the arguments are asked for their value of the desk."""

    def call(desk: Desk, who: Actor) -> object:
        given = [one(desk) if callable(one) else one for one in args]
        with desk.store.write() as tx:
            return act(tx, *given, who=who, **more)

    return call


def on_draft(act: Callable[..., object], *args: object, **more: object) -> Call:
    return lambda desk, who: act(desk.store, desk.draft.id, *args, who=who, **more)


def the_draft(desk: Desk) -> Import:
    return desk.draft


def draft_number(desk: Desk) -> int:
    return desk.draft.number


def number(desk: Desk) -> int:
    return desk.underway.number


def instance(desk: Desk) -> int:
    return desk.underway.instance_number


def upload(desk: Desk, who: Actor) -> object:
    facts: JsonObject = {"id": "imp_new", "connection": HERE, "file_name": "new.csv"}
    return drafts.upload(desk.store, desk.settings, **facts, who=who, data=io.BytesIO(b"ledger_id\n1\n"))


def fill_the_form(desk: Desk, who: Actor) -> object:
    request = BalanceRequest(ledger_id="l", currency="USD")
    return form_request.make_draft(desk.store, id="imp_f", connection=HERE, who=who, request=request)


def confirm_the_form(desk: Desk, who: Actor) -> object:
    with desk.store.write() as tx:
        set_columns(tx, desk.draft, kind="form")
        return import_acts.confirm(tx, replace(desk.draft, kind="form"), who=who, version=1)


def send_approved_again(desk: Desk, who: Actor) -> object:
    """In a transaction of this call's own, so that the desk is as it was for the others."""
    with desk.store.write() as tx:
        set_columns(tx, desk.underway, needs_approval=True)
    try:
        return actions.send_again(desk.store, desk.row, who=who)
    finally:
        with desk.store.write() as tx:
            set_columns(tx, desk.underway, needs_approval=False)


PROBLEM = ProblemSummary(
    kind="unknown_ledger",
    severity="error",
    column="ledger_id",
    value="x",
    message="?",
    count=1,
    rows=("2",),
    repair="y",
)
CAUSE = Cause("unknown_ledger", "error", "ledger_id", 0, (PROBLEM,))
COLUMNS = Columns(columns=())
NO_CLIENT = cast(BlnkClient, None)
NO_SIGN_IN = cast(SignIn, None)

CALLS: Mapping[str, tuple[Act, Call]] = {
    "import_acts.confirm": (Act.CONFIRM, in_tx(import_acts.confirm, the_draft, version=1)),
    "import_acts.confirm (form)": (Act.CREATE_ONE, confirm_the_form),
    "import_acts.pause": (
        Act.PAUSE,
        in_tx(import_acts.pause, number, by=PausedBy.PERSON, reason="Lunch."),
    ),
    "import_acts.resume": (Act.RESUME, in_tx(import_acts.resume, number)),
    "import_acts.discard": (Act.DISCARD, in_tx(import_acts.discard, draft_number)),
    "import_acts.cancel": (Act.CANCEL, in_tx(import_acts.cancel, number)),
    "import_acts.cancel (draft)": (Act.DISCARD, in_tx(import_acts.cancel, draft_number)),
    "stops.stop": (Act.STOP_SENDING, in_tx(stops.stop, instance)),
    "stops.stop (all)": (Act.STOP_SENDING, in_tx(stops.stop, None)),
    "stops.start": (Act.START_SENDING, in_tx(stops.start, instance)),
    "stops.start (all)": (Act.START_SENDING, in_tx(stops.start, None)),
    "notes.add_to_import": (Act.NOTE, in_tx(notes.add_to_import, the_draft, "Why.")),
    "notes.add_to_balance": (Act.NOTE, in_tx(notes.add_to_balance, instance, "bln_1", "Why.")),
    "saved_mappings.save": (
        Act.CHANGE_DRAFT,
        in_tx(saved_mappings.save, fingerprint="0", name="C", mapping=COLUMNS, instance=HERE.instance),
    ),
    "drafts.upload": (Act.UPLOAD, upload),
    "drafts.confirm": (
        Act.CONFIRM,
        lambda desk, who: drafts.confirm(desk.store, desk.settings, id=desk.draft.id, who=who, version=1),
    ),
    "form_request.make_draft": (Act.CREATE_ONE, fill_the_form),
    "open_draft.open_draft": (
        Act.CHANGE_DRAFT,
        lambda desk, who: editing.edit(desk.store, desk.draft.id, [], who=who),
    ),
    "editing.edit": (Act.CHANGE_DRAFT, on_draft(editing.edit, [Edit(2, 0, "l")])),
    "editing.fix_all": (Act.CHANGE_DRAFT, on_draft(editing.fix_all, PROBLEM, repair="y")),
    "editing.replace_all": (
        Act.CHANGE_DRAFT,
        on_draft(editing.replace_all, position=0, find="l", put="m", whole_cell=False),
    ),
    "skipping.leave_out": (Act.CHANGE_DRAFT, on_draft(skipping.leave_out, [2])),
    "skipping.take_in": (Act.CHANGE_DRAFT, on_draft(skipping.take_in, None)),
    "skipping.leave_out_those_with_a_balance": (
        Act.CHANGE_DRAFT,
        on_draft(skipping.leave_out_those_with_a_balance),
    ),
    "file_choices.accept_currency": (Act.CHANGE_DRAFT, on_draft(file_choices.accept_currency, "NGX")),
    "file_choices.match": (Act.CHANGE_DRAFT, on_draft(file_choices.match, COLUMNS)),
    "file_choices.read_as": (Act.CHANGE_DRAFT, on_draft(file_choices.read_as, ReadOptions(header_row=2))),
    "file_choices.skip_hidden_rows": (Act.CHANGE_DRAFT, on_draft(file_choices.skip_hidden_rows, True)),
    "undo.undo": (Act.CHANGE_DRAFT, on_draft(undo.undo, 0.0)),
    "undo.withdraw_currency": (Act.CHANGE_DRAFT, on_draft(undo.withdraw_currency, "NGX")),
    "by_cause.put": (Act.CHANGE_DRAFT, on_draft(by_cause.put, CAUSE, "y")),
    "by_cause.put_suggested": (Act.CHANGE_DRAFT, on_draft(by_cause.put_suggested, CAUSE)),
    "by_cause.skip": (Act.CHANGE_DRAFT, on_draft(by_cause.skip, CAUSE)),
    "confirmed_totals.create_resembling_too": (
        Act.CHANGE_DRAFT,
        in_tx(confirmed_totals.create_resembling_too, the_draft),
    ),
    "repeat_fixes.take_over": (Act.CHANGE_DRAFT, on_draft(repeat_fixes.take_over)),
    "draft_of_fixes.open_draft": (
        Act.FIX_ROWS,
        lambda desk, who: draft_of_fixes.open_draft(desk.store, desk.over, id="imp_x", who=who),
    ),
    "resend_repaired.send_repaired": (
        Act.FIX_ROWS,
        lambda desk, who: resend_repaired.send_repaired(desk.store, NO_CLIENT, HERE, desk.row, {}, who=who),
    ),
    "actions.recheck": (Act.RECHECK, lambda desk, who: actions.recheck(desk.store, desk.underway, who=who)),
    "actions.link_balance": (
        Act.LINK,
        lambda desk, who: actions.link_balance(desk.store, NO_CLIENT, desk.row, "bln_1", who=who),
    ),
    "actions.send_again": (
        Act.SEND_AGAIN,
        lambda desk, who: actions.send_again(desk.store, desk.row, who=who),
    ),
    "actions.again_anyway": (
        Act.CREATE_AGAIN,
        lambda desk, who: actions.again_anyway(desk.store, desk.over, [1], typed_count=1, who=who),
    ),
    "actions.verify_again": (
        Act.VERIFY_AGAIN,
        lambda desk, who: actions.verify_again(desk.store, desk.over, who=who),
    ),
    "actions.send_again (approved)": (Act.APPROVE, send_approved_again),
    "new_request.ask": (
        Act.CONFIRM,
        lambda desk, who: new_request.ask(desk.store, desk.draft, who=who, rule=ApprovalRule(1)),
    ),
    "drafts.ask_for_the_rest": (
        Act.CONFIRM,
        lambda desk, who: drafts.ask_for_the_rest(desk.store, desk.settings, desk.underway, who=who),
    ),
    "approving.approve": (
        Act.APPROVE,
        lambda desk, who: approving.approve(desk.store, desk.draft, 1, who=who, typed="2"),
    ),
    "approving.send_back": (
        Act.APPROVE,
        lambda desk, who: approving.send_back(desk.store, desk.draft, 1, who=who, reason="No."),
    ),
    "approving.withdraw": (
        Act.WITHDRAW,
        lambda desk, who: approving.withdraw(desk.store, desk.draft, 1, who=who),
    ),
    "metadata_shown.choose": (
        Act.CHOOSE_METADATA,
        in_tx(metadata_shown.choose, HERE.instance, ["customer"]),
    ),
    "notifications.test": (Act.TEST_NOTIFICATIONS, in_tx(notifications.test, HERE.instance)),
    "stops.stop_restored": (Act.STOP_SENDING, in_tx(stops.stop_restored, reason="A backup.")),
    "session_acts.open_ones": (
        Act.SEE_SESSIONS,
        lambda desk, who: session_acts.open_ones(desk.whole, NO_SIGN_IN, who),
    ),
    "session_acts.last": (
        Act.SEE_SESSIONS,
        lambda desk, who: session_acts.last(desk.whole, who, limit=1),
    ),
    "session_acts.last_lists": (
        Act.SEE_SESSIONS,
        lambda desk, who: session_acts.last_lists(desk.whole, who, limit=1),
    ),
    "session_acts.end": (Act.END_SESSION, lambda desk, who: session_acts.end(desk.whole, who, 1)),
    "trail.newest": (Act.SEE_TRAIL, lambda desk, who: trail.newest(desk.store, who, Wanted(), limit=1)),
    "trail.downloaded": (Act.SEE_TRAIL, lambda desk, who: trail.downloaded(desk.store, who, Wanted())),
    "fault_switches.choose": (
        Act.SIMULATE_FAULTS,
        lambda desk, who: fault_switches.choose(desk.settings.data_dir, "well", who=who),
    ),
}

ONLY_WRITE_DOWN = {
    "events.note",
    "desk_events.note",
    "import_changes.create",
    "edits.add",
    "stored_actor.stored",
    "own_imports.of",
    "instance_numbers.seen_by",
    "restore.restore",
    "copied_store.settle",
    "copied_store.stop_all",
    "notifications.approval_asked",
    "notifications.approval_decided",
    "sessions.end_restored",
    "notifications.canceled",
    "requests.begin",
    "decisions.decide",
    "decisions.renew",
    "requests.sent_back",
    "requests.withdrawn",
    "ended_without_approval.lapse",
    "ended_without_approval.void_all",
    "ended_without_approval.withdraw_to_cancel",
    "preparers.had_a_hand",
    "preparers.is_one_of",
    "resend_by_approver.approve_again",
    "approving.why_not",
    "waiting_for_approval.whom",
    "notifications.paused",
    "phrases.actor",
}
"""They take an actor to record, find or name them; whoever calls them has asked, or what they call asks."""


def test_no_function_that_takes_an_actor_is_missing_here() -> None:
    found = set()
    for path in (ROOT / "blnk_api").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                listed = [*node.args.args, *node.args.kwonlyargs]
                if any(ast.unparse(one.annotation or one) == "Actor" for one in listed):
                    found.add(f"{path.stem}.{node.name}")
    assert found - ONLY_WRITE_DOWN == {name.partition(" ")[0] for name in CALLS}


def test_no_actor_is_a_text() -> None:
    texts = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for room in ("blnk_api", "pages")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.arg | ast.AnnAssign) and ast.unparse(node).startswith("who: str")
    ]
    # Who was named once, and a part of a name that is searched for.
    assert sorted(texts) == [
        "blnk_api/facts/notification.py: who: str = ''",
        "blnk_api/store/search/import_search.py: who: str = ''",
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    store = Store(f"sqlite:///{folder / 'journal.db'}")
    store.migrate()
    grants = Grants({role: (f"group:{role}s",) for role in Role})
    url = f"sqlite:///{folder / 'journal.db'}"
    settings = Settings(folder, url, folder / "secrets.toml", {HERE.name: HERE}, roles=grants)
    made, underway, over = (build(store, 2, instance=HERE.instance) for build in (draft, running, running))
    with store.write() as tx:
        set_columns(tx, over, state=ImportState.DONE)
    with store.read() as tx:
        made, underway, over = (imports.by_number(tx, one.number) for one in (made, underway, over))
    yield Desk(store, settings, made, underway, over, ids_of(store, underway)[0])
    store.close()


def somebody(desk: Desk, *roles: Role) -> Actor:
    claims = Claims("https://id.example", "1", groups=frozenset(f"{role}s" for role in roles))
    access = ByRoles(lambda: claims, lambda: desk.settings)
    return Actor.person(issuer=claims.issuer, subject="1", name="Ada", email="", access=access)


def everything(store: Store) -> list[list[tuple[object, ...]]]:
    with store.read() as tx:
        return [[tuple(row) for row in tx.execute(select(one))] for one in tables.metadata.sorted_tables]


@pytest.mark.parametrize("name", CALLS)
def test_without_permission_nothing_changes_and_the_message_says_who_may(desk: Desk, name: str) -> None:
    act, call = CALLS[name]
    before = everything(desk.store)
    for role in (None, *Role):
        if role in ROLES_THAT_MAY[act]:
            continue
        with pytest.raises(NotAllowed) as refused:
            call(desk, somebody(desk, *([role] if role else [])))
        assert act in str(refused.value)
        assert "Nothing was changed or created." in str(refused.value)
    assert everything(desk.store) == before
    assert not (desk.settings.data_dir / "uploads" / "imp_new").exists()


@pytest.mark.parametrize("name", CALLS)
def test_with_permission_nothing_is_held_back(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an act comes to is not asked here: only that no role which has it is refused."""
    act, call = CALLS[name]

    class Asked(Exception):
        pass

    real = ByRoles.require

    def require(self: ByRoles, asked: Act, where: Any) -> None:
        real(self, asked, where)
        assert asked is act
        raise Asked

    monkeypatch.setattr(ByRoles, "require", require)
    for role in ROLES_THAT_MAY[act]:
        with pytest.raises(Asked):
            call(desk, somebody(desk, role))
