"""A person's imports: those that wait for them, and those in progress. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from blnk_api.access.actors import Actor
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState


@dataclass(frozen=True)
class OwnImports:
    """Newest first in each list. An import is in at most one of them."""

    drafts: list[Import] = field(default_factory=list)
    running: list[Import] = field(default_factory=list)
    needing: list[Import] = field(default_factory=list)


def of(newest: Iterable[Import], who: Actor, *, needs: Callable[[Import], bool]) -> OwnImports:
    """Sorts the imports that this person uploaded or confirmed, given newest first. Canceled imports are
    finished: what was not sent stays unsent."""
    found = OwnImports()
    for one in newest:
        if not any(of is not None and of.is_same_as(who) for of in (one.who, one.confirmed_by)):
            continue
        if one.state is ImportState.DRAFT:
            if one.kind == "file":
                found.drafts.append(one)
        elif one.state is not ImportState.CANCELLED and needs(one):
            found.needing.append(one)
        elif not one.is_over:
            found.running.append(one)
    return found
