"""One HTTP exchange with Blnk: what is asked, what an answer means, tokens, pace."""
