"""The name under which Practice was started before: see `blnk_api.practice`."""
