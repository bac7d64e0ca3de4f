"""One HTTP exchange with Blnk: what is asked, what an answer means, tokens, pace."""

from blnk_api import __version__

USER_AGENT = f"balance-desk/{__version__}"
"""By which whoever runs Blnk tells our requests from others'."""
