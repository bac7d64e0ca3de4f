"""From how many balances on a second person must approve an import, by a connection's settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from blnk_api.errors import SettingsProblem

_MOST_BALANCES = 1_000_000
_MOST_DAYS = 365
KEYS = ("approval", "approvers", "approval_days")
Why = Literal["set", "production", "not production", "no sign-in"]


@dataclass(frozen=True)
class ApprovalRule:
    """`from_count`: imports with at least this many balances need approval. 1 means always, None never."""

    from_count: int | None = None
    approvers: int = 1
    days: int = 7
    """How many days pass before a request lapses, and then before an approval lapses."""
    why: Why = "no sign-in"
    """Whether the rule was set or is a default, and which default."""

    @property
    def is_in_force(self) -> bool:
        return self.from_count is not None

    def needs(self, balances: int) -> bool:
        """Whether a file with this many balances needs approval."""
        return self.from_count is not None and balances >= self.from_count


def read_rule(
    name: str, table: Mapping[str, object], *, is_production: bool, has_sign_in: bool
) -> ApprovalRule:
    """The rule in the table [connections.NAME]. Raises SettingsProblem.

    Without sign-in people cannot be distinguished, so there is no second person: a rule is then rejected
    instead of having no effect.
    """
    chosen = table.get("approval")
    approvers = _whole(name, table, "approvers", 1, most=2)
    days = _whole(name, table, "approval_days", 7, most=_MOST_DAYS)
    if chosen is None:
        if not has_sign_in:
            return ApprovalRule(None, approvers, days, "no sign-in")
        return ApprovalRule(
            1 if is_production else None, approvers, days, "production" if is_production else "not production"
        )
    from_count = _from_count(name, chosen)
    if from_count is not None and not has_sign_in:
        raise SettingsProblem(
            f"connections.{name}.approval needs [sign_in]: without it nobody signs in, so a second person "
            'cannot be told apart from the first. Set up [sign_in], or set approval = "never".'
        )
    return ApprovalRule(from_count, approvers, days, "set")


def _from_count(name: str, chosen: object) -> int | None:
    if chosen == "never":
        return None
    if chosen == "always":
        return 1
    if isinstance(chosen, int) and not isinstance(chosen, bool) and 1 <= chosen <= _MOST_BALANCES:
        return chosen
    raise SettingsProblem(
        f'connections.{name}.approval should be "always", "never", or the number of balances from which '
        f"approval is needed, from 1 to {_MOST_BALANCES:,}, without quotes."
    )


def _whole(name: str, table: Mapping[str, object], key: str, default: int, *, most: int) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise SettingsProblem(
            f"connections.{name}.{key} should be a whole number from 1 to {most}, without quotes."
        )
    return value
