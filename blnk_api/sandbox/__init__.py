"""The former name of Practice: see `blnk_api.practice`."""
