"""What the columns of a file are for, as a person said or the check guessed."""

from enum import StrEnum

from pydantic import Field

from blnk_api.facts.stored import Stored


class Use(StrEnum):
    """What a column of the file is for."""

    LEDGER = "ledger"
    """The ledger's id or name."""
    CURRENCY = "currency"
    """One currency code, or several separated by semicolons."""
    IDENTITY = "identity"
    """The identity's id, email, name, or what it has under a metadata key."""
    INDICATOR = "indicator"
    LINEAGE = "lineage"
    ALLOCATION_STRATEGY = "allocation_strategy"
    METADATA = "metadata"
    REFERENCE = "reference"
    """The person's own unique key: metadata too, and an error where it appears twice."""
    BALANCE_ID = "balance_id"
    """This one and the next four are the columns that our own results add."""
    IMPORT_REF = "import_ref"
    IMPORT_ROW = "import_row"
    STATUS = "status"
    MESSAGE = "message"
    IGNORE = "ignore"


ONE_COLUMN_EACH = (
    Use.LEDGER,
    Use.CURRENCY,
    Use.IDENTITY,
    Use.INDICATOR,
    Use.LINEAGE,
    Use.ALLOCATION_STRATEGY,
)
"""The fields of a balance: no two columns of a file may be the same of them."""

OUR_OWN = (Use.BALANCE_ID, Use.STATUS, Use.MESSAGE, Use.IMPORT_REF, Use.IMPORT_ROW)
"""The columns of our own results: recognised, never chosen."""

CHOICES = (*ONE_COLUMN_EACH, Use.REFERENCE, Use.METADATA, Use.IGNORE)
"""What a person can choose."""


class ColumnUse(Stored):
    """One column of the file, by its place (from 0) and header, and what it is for."""

    position: int
    header: str
    use: Use
    name: str | None = None
    """The metadata name; only for metadata and the reference."""


class ForAllRows(Stored):
    """What the file lacks, chosen once. Never overrides a column that the file has."""

    ledger_id: str | None = None
    currencies: tuple[str, ...] = ()
    """Several make several balances of each row."""


class Mapping(Stored):
    """All that a person said about columns. Whole numbers and text only: it is kept as JSON."""

    columns: tuple[ColumnUse, ...]
    for_all_rows: ForAllRows = Field(default_factory=ForAllRows)
    match_columns: tuple[str, ...] | None = None
    """Metadata names that, beside ledger, currency, identity and indicator, decide whether two rows mean the
    same balance. None: everything that is sent."""
    identity_key: str | None = None
    """A metadata key of the identities, when the identity column holds that and not an id, email or name."""

    def stored(self) -> str:
        return self.model_dump_json()

    def column(self, use: Use) -> ColumnUse | None:
        """The first column with this use."""
        return next((column for column in self.columns if column.use is use), None)

    @property
    def metadata_columns(self) -> list[ColumnUse]:
        """The columns that become metadata, the reference among them."""
        return [column for column in self.columns if column.use in (Use.METADATA, Use.REFERENCE)]

    @property
    def reference_column(self) -> str | None:
        """The header of the person's own unique key."""
        column = self.column(Use.REFERENCE)
        return column.header if column else None
