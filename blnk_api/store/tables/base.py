"""What all tables share: their metadata object, and a number type for millions of rows."""

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Row, Select

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")

ONLY_ON = "only_on"
"""In an index's `info`: the dialect that has it, if the other one does not."""

# Any: SQLAlchemy can type a row of a few columns, not one of all columns of several tables.
AnyRow = Row[Any]
"""A row of many columns, which the one function that reads it takes apart by their names."""
AnyQuery = Select[Any]
"""What asks for such rows."""
