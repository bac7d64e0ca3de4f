"""How people refer to a row: by its record's number, and the currency if a record makes several balances."""


def label_of(number: int, part: str) -> str:
    """ "12", or "12·USD" """
    return f"{number}·{part}" if part else str(number)


def number_and_part(label: str) -> tuple[int, str]:
    """The record's number and the currency (or "") in a label from `label_of`."""
    number, _, part = label.partition("·")
    return int(number), part
