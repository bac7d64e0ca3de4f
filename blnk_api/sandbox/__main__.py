"""`python -m blnk_api.sandbox`, the command in instructions of earlier versions."""

from blnk_api.practice.__main__ import main

if __name__ == "__main__":
    main()
