"""What people call a row: its record's number, and the currency where a record makes several."""


def label_of(number: int, part: str) -> str:
    """ "12", or "12·USD" """
    return f"{number}·{part}" if part else str(number)


def number_and_part(label: str) -> tuple[int, str]:
    """The record's number, and the currency or "", of a row as `label_of` calls it."""
    number, _, part = label.partition("·")
    return int(number), part
