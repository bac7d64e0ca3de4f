"""The people of the tests: those who gave a name and did not sign in."""


def actor(name: str = "Ada") -> str:
    return name
