"""The parts of the command line, `python -m blnk_api`; what it does, it does as the pages do."""
