"""The name, effect and risks of each act on rows, for pages and the command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ActText:
    """The name of an act, what it does, and its risks, for pages and the command line."""

    label: str
    means: str
    risk: str = ""


RECHECK = ActText(
    "Check Blnk again",
    "Looks these rows up in Blnk once more. A row that is found becomes Created. A row that is certainly not "
    "in Blnk is sent.",
)


LINK_BALANCE = ActText(
    "Link this balance",
    "You found the row's balance in Blnk yourself. It is read from Blnk and compared with the row. "
    "Nothing is sent.",
)


SEND_AGAIN = ActText(
    "Send again",
    "You checked Blnk, and it has no balance for this row. The row is sent once more.",
    "If it does have one, there will be two balances, and balances cannot be deleted.",
)


AGAIN_ANYWAY = ActText(
    "Create again anyway",
    "Creates one more balance for each of these rows, although Blnk already has an identical one.",
    "There will then be two of each, and balances cannot be deleted.",
)


VERIFY_AGAIN = ActText("Verify again", "Compares the created balances with Blnk once more. Nothing is sent.")
