"""Practice: a stand-in for Blnk Cloud and the Core behind it, over real HTTP, on SQLite.

As strict as the real one (tests/contract holds recorded answers of a real Core) and no more forgiving:
a repeat makes another balance, a space is a currency, unknown fields vanish. Faults can be ordered through
a door that only tests and the practice page can open.
"""
