"""The people of the tests: those who typed a name, and those who signed in."""

from blnk_api.access.actors import Access, Actor, Unlimited

_EVERYTHING = Unlimited()


def actor(name: str = "Ada") -> Actor:
    """Without sign-in."""
    return Actor.unverified(name)


def signed_in(
    name: str = "Grace", email: str = "grace@acme.example", *, access: Access = _EVERYTHING
) -> Actor:
    return Actor.person(
        issuer="https://id.example", subject=name.lower(), name=name, email=email, access=access
    )
