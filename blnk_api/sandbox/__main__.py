"""`python -m blnk_api.sandbox`, as earlier instructions say it."""

from blnk_api.practice.__main__ import main

if __name__ == "__main__":
    main()
