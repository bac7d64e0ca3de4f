"""What happens by itself while an import runs, summed up: for its page and its receipts."""

from blnk_api.store.events import Routine
from blnk_api.wording.phrases import plural


def summed_up(done: Routine) -> list[str]:
    """ "Blnk was checked for 733 rows without a clear answer: 72 were there, 661 were not." """
    said = []
    if done.found or done.absent:
        found = "was" if done.found == 1 else "were"
        absent = "was" if done.absent == 1 else "were"
        checks = plural(done.found + done.absent, "check")
        said.append(
            f"{checks} in Blnk for rows without a clear answer: {done.found:,} {found} there, "
            f"{done.absent:,} {absent} not and could be sent again."
        )
    if done.waits:
        said.append(f"Sending waited {plural(done.waits, 'time')} for Blnk, and continued automatically.")
    return said
