"""What happens by itself while an import runs, summed up: for its page and its receipts."""

from blnk_api.store.events import Routine
from blnk_api.wording.phrases import plural


def summed_up(done: Routine) -> list[str]:
    """ "72 rows without a clear answer were found in Blnk; 661 were not there and could be sent again." """
    said = []
    found = f"{plural(done.found, 'row')} without a clear answer {_were(done.found)} found in Blnk"
    if done.found and done.absent:
        said.append(f"{found}; {done.absent:,} {_were(done.absent)} not there and could be sent again.")
    elif done.found:
        said.append(f"{found}.")
    elif done.absent:
        rows = f"{plural(done.absent, 'row')} without a clear answer {_were(done.absent)}"
        said.append(f"{rows} not in Blnk and could be sent again.")
    if done.waits:
        said.append(f"Sending waited {plural(done.waits, 'time')} for Blnk and continued automatically.")
    return said


def _were(n: int) -> str:
    return "was" if n == 1 else "were"
