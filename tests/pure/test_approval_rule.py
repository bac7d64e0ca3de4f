"""The rule of a connection: from how many balances on a second person has to approve."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from blnk_api import settings as settings_module
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Settings
from blnk_api.wording.approval import requests as words

SIGN_IN = """
[sign_in]
url = "http://localhost:8501"
[sign_in.providers.acme]
issuer = "https://id.example"
client_id = "desk"
client_secret = "secret"
[roles]
admin = ["ada@acme.example"]
"""


def rule(tmp_path: Path, *lines: str, sign_in: bool = True, environment: str = "production") -> ApprovalRule:
    loaded = load(tmp_path, lines, sign_in=sign_in, environment=environment)
    return loaded.connections["acme"].approval


def load(
    tmp_path: Path, lines: Sequence[str], *, sign_in: bool = True, environment: str = "production"
) -> Settings:
    path = tmp_path / "secrets.toml"
    head = ["[connections.acme]", 'instance_id = "i"', 'access_token = "t"', f'environment = "{environment}"']
    path.write_text("\n".join([*head, *lines, SIGN_IN if sign_in else ""]))
    return settings_module.load({"BLNK_SECRETS_FILE": str(path), "BLNK_DATA_DIR": str(tmp_path)})


def test_production_with_sign_in_needs_approval_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    assert rule(tmp_path) == ApprovalRule(1, 1, 7, "production")
    assert rule(tmp_path, environment="sandbox") == ApprovalRule(None, 1, 7, "not production")
    assert rule(tmp_path, sign_in=False) == ApprovalRule(None, 1, 7, "no sign-in")
    assert rule(tmp_path, 'approval = "never"') == ApprovalRule(None, 1, 7, "set")
    assert rule(tmp_path, 'approval = "always"', environment="sandbox") == ApprovalRule(1, 1, 7, "set")
    chosen = ("approval = 500", "approvers = 2", "approval_days = 3")
    assert rule(tmp_path, *chosen) == ApprovalRule(500, 2, 3, "set")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('approval = "sometimes"', 'connections.acme.approval should be "always", "never"'),
        ("approval = 0", "from 1 to 1,000,000"),
        ("approval = true", "from 1 to 1,000,000"),
        ("approvers = 3", "connections.acme.approvers should be a whole number from 1 to 2"),
        ("approvers = true", "from 1 to 2"),
        ("approval_days = 0", "connections.acme.approval_days should be a whole number from 1 to 365"),
        ('approval_days = "7"', "from 1 to 365"),
    ],
)
def test_an_impossible_rule_is_rejected_with_what_it_should_be(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(SettingsProblem, match=r"connections\.acme") as problem:
        rule(tmp_path, line)
    assert told in str(problem.value)


@pytest.mark.parametrize("line", ['approval = "always"', "approval = 500"])
def test_a_rule_without_sign_in_is_rejected_rather_than_ignored(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsProblem, match="needs \\[sign_in\\]"):
        rule(tmp_path, line, sign_in=False)
    assert rule(tmp_path, 'approval = "never"', sign_in=False).from_count is None


def test_two_connections_to_one_instance_have_one_rule(tmp_path: Path) -> None:
    second = ('approval = "never"', "[connections.other]", 'instance_id = "i"', 'access_token = "u"')
    with pytest.raises(SettingsProblem, match="should be the same"):
        load(tmp_path, second)


def test_a_rule_counts_from_its_number_on() -> None:
    assert [ApprovalRule(500).needs(n) for n in (1, 499, 500, 501)] == [False, False, True, True]
    assert ApprovalRule(1).needs(1)
    assert not ApprovalRule(None).needs(1_000_000)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (
            ApprovalRule(1, 1, 7, "production"),
            ["Every import", "someone else", "7 days", "default in production"],
        ),
        (ApprovalRule(500, 2, 1, "set"), ["500 balances or more", "two other people", "1 day.", "settings"]),
        (ApprovalRule(None, 1, 7, "no sign-in"), ["No approval is needed", "cannot be told apart"]),
        (ApprovalRule(None, 1, 7, "not production"), ["No approval", "outside production"]),
        (ApprovalRule(None, 1, 7, "set"), ["No approval", "settings of this connection"]),
    ],
)
def test_the_page_says_which_rule_is_in_force_and_why(of: ApprovalRule, said: list[str]) -> None:
    assert [one for one in said if one not in words.rule(of)] == []
