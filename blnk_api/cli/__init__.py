"""The parts of the command line, `python -m blnk_api`. It works as the pages do."""
