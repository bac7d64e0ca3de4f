"""What a check leaves for the next one: facts from Blnk, and mappings that people saved."""

from sqlalchemy import Column, Float, ForeignKey, Integer, Table, Text

from blnk_api.store.people import stored_actor
from blnk_api.store.tables.base import metadata

known_in_blnk = Table(
    "known_in_blnk",  # what the last check of a whole file found in Blnk, while it is a draft
    metadata,
    Column("import", Integer, ForeignKey("imports.number"), primary_key=True, key="import_"),
    Column("at", Float, nullable=False),
    Column("known", Text, nullable=False),  # JSON of rechecking.LastCheck
)

mappings = Table(
    "mappings",
    metadata,
    Column("fingerprint", Text, primary_key=True),  # of the headers: see mapping.fingerprint
    Column("name", Text, primary_key=True),
    Column("mapping", Text, nullable=False),
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
)
