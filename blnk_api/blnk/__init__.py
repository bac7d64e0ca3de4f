"""One HTTP exchange with Blnk: requests, answers, tokens, rate limits."""

from blnk_api import __version__

USER_AGENT = f"balance-desk/{__version__}"
"""Lets operators of Blnk recognize our requests."""
