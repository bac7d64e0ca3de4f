"""Why someone could not sign in."""


class SignInFailed(Exception):
    """Nobody was signed in. The text is for the person; `why` is for the log, without tokens or secrets."""

    def __init__(self, sentence: str, why: str = "", *, status: int = 403) -> None:
        super().__init__(sentence)
        self.why = why
        self.status = status
