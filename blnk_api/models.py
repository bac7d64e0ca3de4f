"""What goes to Blnk and what comes back, as types. Money fields stay whole numbers of any size."""

from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, Field, field_validator

GENERAL_LEDGER_ID = "general_ledger_id"
"""The ledger that every Blnk has; indicators live only there (tests/contract/core-0.15.3.json)."""

IMPORT_REF = "import_ref"
IMPORT_ID = "import_id"
"""The two metadata keys stamped on each balance made here. Flat: Core's filters reach no deeper."""


class RequestFields(TypedDict, total=False):
    """A BalanceRequest as it leaves: what is not asked for is not there."""

    ledger_id: str | None
    currency: str
    identity_id: str
    indicator: str
    track_fund_lineage: bool
    allocation_strategy: str
    meta_data: dict[str, str]


class BalanceRequest(BaseModel):
    """One balance to create: the body of `POST /balances`. It has no amount: a balance starts at zero.

    Empty text in an optional field counts as None; unknown fields raise pydantic's ValidationError.
    `precision` is not among them: Core accepts and drops it (tests/contract).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str = Field(min_length=1)
    """The id of an existing ledger."""
    currency: str = Field(min_length=1)
    """A code such as USD. Blnk accepts any text."""
    identity_id: str | None = None
    """The id of the person or organization whose balance it is."""
    indicator: str | None = None
    """From Core 0.15.3: begins with @, unique with its currency, only in the general ledger."""
    track_fund_lineage: bool = False
    """Needs `identity_id`."""
    allocation_strategy: str | None = None
    """FIFO, LIFO or PROPORTIONAL."""
    meta_data: dict[str, Any] = Field(default_factory=dict)  # what others put there may be any JSON
    """Kept with the balance as it is."""

    @field_validator("identity_id", "indicator", "allocation_strategy", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        return None if value == "" else value


_NO_NUL = r"^[^\x00]*$"
"""Postgres keeps no NUL in text, and what cannot be written down was not answered."""


class _Answered(BaseModel):
    """Blnk may add fields; we keep them, so that a person can be shown all that Blnk said."""

    model_config = ConfigDict(frozen=True, extra="allow")

    meta_data: dict[str, Any] = Field(default_factory=dict)  # what others put there may be any JSON
    created_at: str = Field(default="", pattern=_NO_NUL)

    @field_validator("meta_data", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class Balance(_Answered):
    """A balance as Blnk returns it; fields that are not named here are kept too.

    Amounts are whole numbers of any size, in Blnk's smallest unit. `created_at` is text in UTC: nanoseconds
    when it was just created, microseconds when it was read.
    """

    balance_id: str = Field(min_length=1, pattern=_NO_NUL)
    ledger_id: str
    currency: str
    identity_id: str = ""
    indicator: str | None = None
    balance: int = 0
    credit_balance: int = 0
    debit_balance: int = 0
    track_fund_lineage: bool = False
    allocation_strategy: str | None = None

    @property
    def import_ref(self) -> str | None:
        """The reference that was given when it was created, or None."""
        ref = self.meta_data.get(IMPORT_REF)
        return ref if isinstance(ref, str) else None


class Ledger(_Answered):
    """A ledger as Blnk returns it. Several may have one name."""

    ledger_id: str = Field(min_length=1)
    name: str = ""


_PERSONAL = {
    "firstname": "names",
    "lastname": "names",
    "organizationname": "organization names",
    "emailaddress": "e-mail addresses",
}
"""What a file may call an identity by, of the fields that Blnk can keep as tokens, without case and "_"."""


class Identity(_Answered):
    """A person or an organization as Blnk returns it. What Blnk does not know is empty text."""

    identity_id: str = Field(min_length=1)
    identity_type: str = ""
    organization_name: str = ""
    first_name: str = ""
    last_name: str = ""
    email_address: str = ""

    @property
    def tokenized(self) -> set[str]:
        """What of it Blnk keeps as tokens, in words: nobody finds it by these. Blnk names the fields as Go
        does, FirstName."""
        fields = self.meta_data.get("tokenized_fields")
        if isinstance(fields, dict):
            fields = [field for field, is_token in fields.items() if is_token]
        names = fields if isinstance(fields, list) else []
        plain = (str(name).replace("_", "").casefold() for name in names)
        return {_PERSONAL[one] for one in plain if one in _PERSONAL}

    @property
    def name(self) -> str:
        """What a person would call this identity; the id when Blnk knows no name."""
        person = f"{self.first_name} {self.last_name}".strip()
        return person or self.organization_name or self.identity_id

    def called(self, key: str | None = None) -> list[str]:
        """All that a file may call it by: e-mail address, names, and the value of this metadata key."""
        both = " ".join(filter(None, (self.first_name, self.last_name)))
        texts = [self.email_address, self.organization_name, both]
        if key and (value := self.meta_data.get(key)) is not None:
            texts.append(str(value))
        return list(filter(None, texts))
