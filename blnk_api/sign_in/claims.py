"""A provider's or proxy's claims about a person, as stored. Pure."""

from collections.abc import Mapping

from blnk_api.store.people.sessions import Identity

_MOST_CHARACTERS = 200
_MOST_ENTRIES = 2_000


def identity(claims: Mapping[str, object], *, issuer: str, trust_email: bool) -> Identity:
    """`trust_email`: whether an email address without a verification claim counts. One marked as not verified
    never does."""
    email = _text(claims.get("email"))
    verified = claims.get("email_verified", trust_email)
    return Identity(
        issuer=issuer,
        subject=str(claims["sub"]),
        name=_name(claims),
        email=email,
        email_verified=bool(email) and (verified is True or verified == "true"),
        groups=_list(claims.get("groups")),
        roles=_list(claims.get("roles")),
        hosted_domain=_text(claims.get("hd")),
        groups_left_out=_points_to_groups(claims),
    )


def unsigned(text: str) -> Identity | None:
    """A person named in an unsigned header, which is trusted only on a server for this machine alone."""
    name = _text(text)
    if not name or name != text.strip():
        return None
    email = name if "@" in name else ""
    return Identity("proxy", name, name=name, email=email, email_verified=bool(email))


def _name(claims: Mapping[str, object]) -> str:
    parts = " ".join(filter(None, (_text(claims.get("given_name")), _text(claims.get("family_name")))))
    return _text(claims.get("name")) or parts or _text(claims.get("preferred_username"))


def _points_to_groups(claims: Mapping[str, object]) -> bool:
    """Microsoft sends a link to the groups instead of the groups if there are too many for a token."""
    elsewhere = claims.get("_claim_names")
    return "groups" not in claims and (
        (isinstance(elsewhere, dict) and "groups" in elsewhere) or claims.get("hasgroups") in (True, "true")
    )


def _text(value: object) -> str:
    """One line of readable text, or "" for anything else."""
    tidy = " ".join(value.split()) if isinstance(value, str) else ""
    return tidy if tidy.isprintable() and len(tidy) <= _MOST_CHARACTERS else ""


def _list(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(filter(None, map(_text, listed[:_MOST_ENTRIES])))
