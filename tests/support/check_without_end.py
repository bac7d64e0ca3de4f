"""A check of a draft which, for some drafts, ends only with who started it."""

import os
import sys

from blnk_api.drafts import check_draft


def main() -> None:
    if sys.argv[1] in os.environ["CHECKS_WITHOUT_END"].split():
        sys.stdin.read()
    else:
        check_draft.main()
