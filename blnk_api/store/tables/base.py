"""What all tables share: their metadata object, and a number type for millions of rows."""

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Row, Select

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")

# Any: SQLAlchemy can type a row of a few columns, not one of all columns of several tables.
AnyRow = Row[Any]
"""A row of many columns, which the one function that reads it takes apart by their names."""
AnyQuery = Select[Any]
"""What asks for such rows."""
