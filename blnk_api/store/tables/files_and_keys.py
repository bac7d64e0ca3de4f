"""Files, keys and tokens that the processes of a desk share through the database."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text

from blnk_api.store.tables.base import metadata

tokens = Table(
    "tokens",
    metadata,
    Column("connection_key", Text, primary_key=True),
    Column("descends_from", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False),
)

kept_files = Table(
    "kept_files",  # uploads and saved results without a data folder: on Postgres
    metadata,
    Column("name", Text, primary_key=True),  # such as uploads/imp_1/file
    Column("content", Text, nullable=False),  # of its pieces; never reused
    Column("bytes", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
)

kept_pieces = Table(
    "kept_pieces",
    metadata,
    Column("content", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),  # 1 MB, except the last one
)

desk_keys = Table(
    "desk_keys",  # secrets that all page servers share without a data folder: on Postgres
    metadata,
    Column("name", Text, primary_key=True),  # links
    Column("value", Text, nullable=False),
)
