"""`[roles]` of the secrets file: who has which role, by the identity provider's claims about them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from blnk_api.access.roles import Role
from blnk_api.errors import SettingsProblem

GOOGLE = "https://accounts.google.com"


@dataclass(frozen=True)
class Claims:
    """The identity provider's claims about a person at sign-in, as far as roles depend on them."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    """The provider's own app roles, such as Entra's; not the roles of this product."""
    hosted_domain: str = ""
    """Google's `hd` claim: the organization that the account belongs to."""


@dataclass(frozen=True)
class Grants:
    """Who has which role. Each role has a list of `domain:…`, `group:…`, `role:…` and email addresses."""

    given: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)

    def to(self, role: Role) -> tuple[str, ...]:
        return self.given.get(role, ())

    def only(self, role: Role) -> "Grants":
        """The same grants for this role alone."""
        return Grants({role: self.to(role)})

    def roles_of(self, claims: Claims) -> frozenset[Role]:
        return frozenset(
            role for role, listed in self.given.items() if any(_is_meant(claims, one) for one in listed)
        )


def _is_meant(claims: Claims, grantee: str) -> bool:
    kind, colon, name = grantee.partition(":")
    match kind if colon else "":
        case "group":
            return name in claims.groups
        case "role":
            return name in claims.roles
        case "domain":
            return claims.email_verified and _lower(_domain(claims)) == _lower(name)
        case _:
            return claims.email_verified and _lower(claims.email) == _lower(grantee)


def _domain(claims: Claims) -> str:
    """Google accounts can have an email address of any domain, and keep it after the person has left. Only
    `hd` proves that an account belongs to the organization."""
    if claims.issuer == GOOGLE:
        return claims.hosted_domain
    return claims.email.rpartition("@")[2]


def _lower(address: str) -> str:
    """Of the letters A to Z alone. Others have a lower case that is another letter, and with it another
    mailbox or domain: a Kelvin sign becomes k, and folding makes ss of an ß."""
    return address.translate(_A_TO_Z)


_A_TO_Z = {ord(letter): letter.lower() for letter in ascii_uppercase}


def named(grantee: str) -> str:
    """How a sentence refers to the people that an entry stands for."""
    kind, colon, name = grantee.partition(":")
    match kind if colon else "":
        case "group":
            return f"members of the group “{name}”"
        case "role":
            return f"people with the role “{name}”"
        case "domain":
            return f"everyone at {name}"
        case _:
            return grantee


def read_grants(table: Any, key: str) -> Grants:
    """The table under this key of the secrets file. Raises SettingsProblem."""
    known = ", ".join(Role)
    if not isinstance(table, dict):
        raise SettingsProblem(f"{key} must be a table: [{key}], with the roles {known}.")
    given = {}
    for name, listed in table.items():
        if name not in set(Role):
            raise SettingsProblem(f"{key}.{name} is not a known role. Roles are: {known}.")
        if not isinstance(listed, list) or not all(_is_grantee(one) for one in listed):
            raise SettingsProblem(
                f'{key}.{name} should be a list like ["ada@acme.example", "domain:acme.example", '
                '"group:finance", "role:Desk.Preparer"].'
            )
        given[Role(name)] = tuple(listed)
    return Grants(given)


def _is_grantee(entry: object) -> bool:
    if not isinstance(entry, str) or not entry.isprintable() or entry != entry.strip():
        return False
    kind, colon, name = entry.partition(":")
    if colon and kind in ("group", "role"):
        return bool(name.strip())
    where = name if colon and kind == "domain" else entry
    user, at, domain = where.rpartition("@")
    if any(letter.isspace() for letter in where) or "." not in domain.strip("."):
        return False
    return bool(at) != (colon != "" and kind == "domain") and bool(user) == bool(at)
