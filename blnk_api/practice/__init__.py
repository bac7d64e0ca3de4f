"""Practice: a stand-in for Blnk Cloud and the Core behind it, over real HTTP, on SQLite.

As strict as the real one (tests/contract has recorded answers of a real Core): a repeated POST creates
another balance, a space is accepted as a currency, unknown fields are dropped. Faults are controlled through
routes that only tests and the practice page can open.
"""
