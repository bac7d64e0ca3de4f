"""A file as a finance team might bring it: forty of its rows have problems, of eight kinds."""

from blnk_api.drafts.edits.editing import Edit

HEADER = "ledger,currency,identity_id,customer,note"
KINDS = {
    "Custmer wallets,USD,,misspelled {n},": {0: "Customer wallets"},
    ",USD,,no ledger {n},": {0: "Customer wallets"},
    "Customer wallets,NGM,,code {n},": {1: "NGN"},
    "Customer wallets,,,no currency {n},": {1: "EUR"},
    "Customer wallets,USD,nobody{n}@example.com,stranger {n},": {2: ""},
    "Customer wallets,usd dollar,,words {n},": {1: "USD"},
    "Customer wallets,USD,,short {n}": {4: "added"},
    "bogus,QQQ,,both {n},": {0: "Savings", 1: "GBP"},
}
"""A row with each problem, and what fixes it, by the column's position."""
EACH = 5
PROBLEMS = EACH * len(KINDS)
CUSTOMERS = [
    f"{name} {n}"
    for n in range(EACH)
    for name in ("misspelled", "no ledger", "code", "no currency", "stranger", "words", "short", "both")
]
"""Of the rows with problems, after they are fixed."""


def good(count: int) -> list[str]:
    """Customers of the rows without problems."""
    return [f"good {n}" for n in range(count)]


def text(rows: int) -> str:
    """The rows with problems are among the others, at equal distances."""
    lines = [f"{('Customer wallets', 'Savings')[n % 2]},USD,,good {n}," for n in range(rows - PROBLEMS)]
    for number, line in zip(_numbers(rows), _lines(), strict=True):
        lines.insert(number - 2, line)
    return "\n".join([HEADER, *lines])


def fixes(rows: int) -> list[Edit]:
    """What makes every row of that file a balance, cell by cell."""
    return [
        Edit(number, at, new.format(n=place // len(KINDS)))
        for place, number in enumerate(_numbers(rows))
        for at, new in list(KINDS.values())[place % len(KINDS)].items()
    ]


def _lines() -> list[str]:
    return [line.format(n=n) for n in range(EACH) for line in KINDS]


def _numbers(rows: int) -> list[int]:
    """Their row numbers in the spreadsheet, whose first row has the column names."""
    return [2 + at * (rows // PROBLEMS) for at in range(PROBLEMS)]
