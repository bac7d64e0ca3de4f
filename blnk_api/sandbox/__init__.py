"""The name under which the practice Blnk was started before: see `blnk_api.practice`."""
