"""A sign-in between the way to the provider and the way back."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Begun:
    """What a browser keeps meanwhile. Worthless to anybody else."""

    provider: str
    state: str
    nonce: str
    verifier: str = field(repr=False)
    to: str
