"""Forks the processes that read and check a command's file, once what they share with it is imported."""

from blnk_api.drafts import check_process
from blnk_api.files import reading_process

SHARED = (
    "blnk_api.blnk.answer_meaning",
    "blnk_api.blnk.endpoints",
    "blnk_api.blnk.retries",
    "blnk_api.drafts.changed_meanwhile",
    "blnk_api.drafts.fixes",
    "blnk_api.drafts.mapping_problems",
    "blnk_api.drafts.results_file",
    "blnk_api.drafts.writing.merging",
    "blnk_api.files.column_labels",
    "blnk_api.lookup.refs",
    "blnk_api.store.kept_files",
    "blnk_api.store.people.edits",
    "blnk_api.store.sending.fix_families",
    "blnk_api.store.sending.superseded",
    "blnk_api.store.token_store",
    "blnk_api.wording.about_files",
    "blnk_api.wording.balance_fields",
    "blnk_api.wording.phrases",
    "urllib.request",
)
"""What the command and the check both need, besides what starts them: it is imported once."""
FOR_SENDING = ("blnk_api.client",)
"""What both need once more if the file is sent. A dry run leaves it to the check, which loads it while the
command loads the rest."""
FOR_WORKBOOKS = ("blnk_api.files.xlsx.workbook",)
"""What both processes need that read a workbook."""


def fork_here() -> None:
    """Only for a process that was started for one command and has opened nothing: SQLite's locks and a
    server's connections break in a fork."""
    reading_process.fork_here()
    check_process.fork_here()
