"""What all tables are made of: the metadata that they belong to, and a number for millions of rows."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")
