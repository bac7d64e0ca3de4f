"""A file on its way into Blnk: read, checked, sent, looked up, reported."""
