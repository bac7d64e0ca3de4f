"""A sign-in in progress, between going to the provider and coming back."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Begun:
    """What a browser keeps meanwhile. Worthless to anyone else."""

    provider: str
    state: str
    nonce: str
    verifier: str = field(repr=False)
    to: str
