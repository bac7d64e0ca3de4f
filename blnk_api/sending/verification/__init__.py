"""Whether Blnk has what the store calls created, once nothing is left to send."""
