"""What a signed-in person may do. Their session and the current settings are read at each act."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blnk_api.access.actors import NotAllowed
from blnk_api.access.acts import Act
from blnk_api.access.role_grants import Claims, Grants, named
from blnk_api.access.roles import ROLES_THAT_MAY, Role
from blnk_api.settings import Instance, Settings

_NAMED_AT_MOST = 5
_UNCHANGED = "Nothing was changed or created."


@dataclass(frozen=True)
class ByRoles:
    """The access of one session. Both callables are called each time, because either answer may have
    changed."""

    claims_now: Callable[[], Claims | None]
    """What the provider says about the person, or None once the session has ended or expired."""
    settings_now: Callable[[], Settings]

    def require(self, act: Act, instance: Instance | None) -> None:
        """Raises NotAllowed, or SettingsProblem if the settings cannot be read."""
        claims = self.claims_now()
        if claims is None:
            raise NotAllowed(f"You are signed out. {_UNCHANGED} Sign in again.")
        settings = self.settings_now()
        grants = grants_for(settings, instance)
        has = grants.roles_of(claims)
        may = ROLES_THAT_MAY[act]
        if not has:
            raise _without_a_role(act, settings, instance)
        if not has & may:
            raise _refusal(act, may, grants, _place(settings, instance))


def grants_for(settings: Settings, instance: Instance | None) -> Grants:
    """Who has which role for an instance, or for the whole desk if it is None.

    A connection's own roles replace the desk's. If no connection leads to the instance anymore, it is unknown
    whether it had its own roles, so only admins keep theirs.
    """
    everywhere = settings.roles or Grants()
    if instance is None:
        return everywhere
    connection = settings.connection_of(instance)
    if connection is None:
        return everywhere.only(Role.ADMIN)
    return everywhere if connection.roles is None else connection.roles


def _place(settings: Settings, instance: Instance | None) -> str:
    if instance is None:
        return "this desk"
    connection = settings.connection_of(instance)
    return f"“{connection.label}”" if connection else f"the instance “{instance.instance_id}”"


def _without_a_role(act: Act, settings: Settings, instance: Instance | None) -> NotAllowed:
    admins = _people(grants_for(settings, instance), [Role.ADMIN]) or _people(
        grants_for(settings, None), [Role.ADMIN]
    )
    whom = f"To get one, ask an admin: {admins}." if admins else "To get one, ask whoever runs this server."
    no_role = f"You have no role for {_place(settings, instance)}"
    return NotAllowed(
        f"{no_role}, so you are not allowed to {act}. {_UNCHANGED} {whom}",
        hint=f"{no_role}, so its imports and balances are not shown. {whom}",
    )


def _refusal(act: Act, may: frozenset[Role], grants: Grants, place: str) -> NotAllowed:
    roles = [role for role in Role if role in may]
    people = _people(grants, roles)
    whom = (
        f"People who have it: {people}."
        if people
        else "Nobody has it at the moment: whoever runs this server can give it to someone."
    )
    return NotAllowed(
        f"You are not allowed to {act} in {place}. {_UNCHANGED} This needs the {_either(roles)} role. {whom}",
        hint=f"To {act} in {place}, you need the {_either(roles)} role. {whom}",
    )


def _people(grants: Grants, roles: Sequence[Role]) -> str:
    """Those who have one of these roles, in the order of the settings."""
    entries = list(dict.fromkeys(entry for role in roles for entry in grants.to(role)))
    people = [named(entry) for entry in entries[:_NAMED_AT_MOST]]
    if len(entries) > _NAMED_AT_MOST:
        people.append(f"{len(entries) - _NAMED_AT_MOST} more")
    return ", ".join(people)


def _either(roles: Sequence[Role]) -> str:
    *most, last = roles
    return f"{', '.join(most)} or {last}" if most else last
