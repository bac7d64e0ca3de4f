"""A check of a draft that, for some drafts, ends only with the process that started it."""

import os
import sys

from blnk_api.drafts import check_draft


def main() -> None:
    if sys.argv[1] in os.environ["CHECKS_WITHOUT_END"].split():
        sys.stdin.read()
    else:
        check_draft.main()
