"""What each column of a file is used for, as a person chose or the check guessed."""

from enum import StrEnum

from pydantic import Field

from blnk_api.facts.stored import Stored


class Use(StrEnum):
    """The use of a column."""

    LEDGER = "ledger"
    """The ledger's id or name."""
    CURRENCY = "currency"
    """One currency code, or several separated by semicolons."""
    IDENTITY = "identity"
    """The identity's id, email address, name, or the value of one of its metadata keys."""
    INDICATOR = "indicator"
    LINEAGE = "lineage"
    ALLOCATION_STRATEGY = "allocation_strategy"
    METADATA = "metadata"
    REFERENCE = "reference"
    """The team's own unique key. It is sent as metadata, and duplicates are errors."""
    BALANCE_ID = "balance_id"
    """This and the next four are columns that our results files add."""
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
"""The fields of a balance. Each can be used by one column only."""

OUR_OWN = (Use.BALANCE_ID, Use.STATUS, Use.MESSAGE, Use.IMPORT_REF, Use.IMPORT_ROW)
"""The columns of our results files: recognized, but never offered as a choice."""

CHOICES = (*ONE_COLUMN_EACH, Use.REFERENCE, Use.METADATA, Use.IGNORE)
"""What a person can choose."""


class ColumnUse(Stored):
    """A column of the file, by its position (from 0) and header, and its use."""

    position: int
    header: str
    use: Use
    name: str | None = None
    """The metadata name, for metadata and the reference only."""


class ForAllRows(Stored):
    """Values for fields that the file has no column for. They never override a column."""

    ledger_id: str | None = None
    currencies: tuple[str, ...] = ()
    """With several, each row makes several balances."""


class Mapping(Stored):
    """Everything that a person chose about the columns. Whole numbers and text only, because it is stored as
    JSON."""

    columns: tuple[ColumnUse, ...]
    for_all_rows: ForAllRows = Field(default_factory=ForAllRows)
    match_columns: tuple[str, ...] | None = None
    """The key columns, as metadata names: together with ledger, currency, identity and indicator they decide
    whether two rows are the same balance. None: everything that is sent."""
    identity_key: str | None = None
    """A metadata key of identities, if the identity column contains its values instead of ids, emails or
    names."""

    def stored(self) -> str:
        return self.model_dump_json()

    def column(self, use: Use) -> ColumnUse | None:
        """The first column with this use."""
        return next((column for column in self.columns if column.use is use), None)

    @property
    def metadata_columns(self) -> list[ColumnUse]:
        """The columns that become metadata, including the reference."""
        return [column for column in self.columns if column.use in (Use.METADATA, Use.REFERENCE)]

    @property
    def reference_column(self) -> str | None:
        """The header of the reference column."""
        column = self.column(Use.REFERENCE)
        return column.header if column else None
