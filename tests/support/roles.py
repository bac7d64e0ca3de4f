"""A person who signed in, as pages see them, with roles that a test gives and takes away."""

from dataclasses import replace

import pytest

from blnk_api import settings as settings_
from blnk_api.access.actors import Actor
from blnk_api.access.person_permissions import ByRoles
from blnk_api.access.role_grants import Claims, Grants
from blnk_api.access.roles import Role
from blnk_api.settings import Instance, Settings
from blnk_api.sign_in import signed_in
from pages.kit import context

GRANTS = Grants({role: (f"group:{role}s",) for role in Role})


class SignedIn:
    """`roles` apply in every connection, except for the instances in `closed`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *roles: Role) -> None:
        self.roles = frozenset(roles)
        self.closed: set[Instance] = set()
        access = ByRoles(self._claims, self._settings)
        self.actor = Actor.person(
            issuer="https://id.example",
            subject="1",
            name="Grace Hopper",
            email="grace@acme.example",
            access=access,
        )
        monkeypatch.setattr(context, "_signed_in", lambda desk: self.actor)
        monkeypatch.setattr(signed_in, "unverified", lambda name: self.actor)

    def _claims(self) -> Claims:
        return Claims("https://id.example", "1", groups=frozenset(f"{role}s" for role in self.roles))

    def _settings(self) -> Settings:
        found = settings_.load()
        connections = {
            name: replace(one, roles=Grants()) if one.instance in self.closed else one
            for name, one in found.connections.items()
        }
        return replace(found, roles=GRANTS, connections=connections)
