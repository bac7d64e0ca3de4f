"""Requests to Blnk and its answers, as types. Amounts are whole numbers of any size."""

from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, Field, field_validator

GENERAL_LEDGER_ID = "general_ledger_id"
"""The ledger that every instance has. Only balances in it may have an indicator
(tests/contract/core-0.15.3.json)."""

IMPORT_REF = "import_ref"
IMPORT_ID = "import_id"
"""The two metadata keys of every balance created by this product. They are not nested, because Core cannot
filter by nested keys."""


class RequestFields(TypedDict, total=False):
    """A BalanceRequest as it is sent. Fields without a value are left out."""

    ledger_id: str | None
    currency: str
    identity_id: str
    indicator: str
    track_fund_lineage: bool
    allocation_strategy: str
    meta_data: dict[str, str]


class BalanceRequest(BaseModel):
    """One balance to create: the body of `POST /balances`. It has no amount: a new balance starts at zero.

    Empty text in an optional field counts as None. An unknown field raises pydantic's ValidationError. So
    does `precision`, which Core accepts and drops (tests/contract).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str = Field(min_length=1)
    """The id of an existing ledger."""
    currency: str = Field(min_length=1)
    """A code such as USD. Blnk accepts any text."""
    identity_id: str | None = None
    """The id of the person or organization that the balance belongs to."""
    indicator: str | None = None
    """Starts with @, and is unique within its currency. Only in the general ledger, from Core 0.15.3 on."""
    track_fund_lineage: bool = False
    """Requires `identity_id`."""
    allocation_strategy: str | None = None
    """FIFO, LIFO or PROPORTIONAL."""
    meta_data: dict[str, Any] = Field(default_factory=dict)  # other programs may have stored any JSON there
    """Stored with the balance unchanged."""

    @field_validator("identity_id", "indicator", "allocation_strategy", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        return None if value == "" else value


_NO_NUL = r"^[^\x00]*$"
"""Postgres cannot store NUL in text. An answer that cannot be stored counts as no answer."""


class _Answered(BaseModel):
    """Unknown fields are kept, so that the whole answer can be shown."""

    model_config = ConfigDict(frozen=True, extra="allow")

    meta_data: dict[str, Any] = Field(default_factory=dict)  # other programs may have stored any JSON there
    created_at: str = Field(default="", pattern=_NO_NUL)

    @field_validator("meta_data", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class Balance(_Answered):
    """A balance as Blnk returns it. Fields that are not listed here are kept too.

    Amounts are whole numbers of any size, in the currency's smallest unit. `created_at` is text in UTC, with
    nanoseconds in the answer to its creation and microseconds in any other answer.
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
        """The `ref` that the balance was created with, or None."""
        ref = self.meta_data.get(IMPORT_REF)
        return ref if isinstance(ref, str) else None


class Ledger(_Answered):
    """A ledger as Blnk returns it. Several ledgers may have the same name."""

    ledger_id: str = Field(min_length=1)
    name: str = ""


_PERSONAL = {
    "firstname": "names",
    "lastname": "names",
    "organizationname": "organization names",
    "emailaddress": "email addresses",
}
"""The fields that can identify an identity and that Blnk may store as tokens, in lower case and without
"_"."""


class Identity(_Answered):
    """A person or an organization as Blnk returns it. Missing values are empty text."""

    identity_id: str = Field(min_length=1)
    identity_type: str = ""
    organization_name: str = ""
    first_name: str = ""
    last_name: str = ""
    email_address: str = ""

    @property
    def tokenized(self) -> set[str]:
        """Which details of this identity Blnk stores as tokens, in words. The identity cannot be found by
        these.

        Blnk names the fields in Go's style: FirstName.
        """
        fields = self.meta_data.get("tokenized_fields")
        if isinstance(fields, dict):
            fields = [field for field, is_token in fields.items() if is_token]
        names = fields if isinstance(fields, list) else []
        plain = (str(name).replace("_", "").casefold() for name in names)
        return {_PERSONAL[one] for one in plain if one in _PERSONAL}

    @property
    def name(self) -> str:
        """The name of the person or organization, or the id if Blnk has no name."""
        person = f"{self.first_name} {self.last_name}".strip()
        return person or self.organization_name or self.identity_id

    def called(self, key: str | None = None) -> list[str]:
        """Every text that can refer to this identity: email address, names, and the value of the metadata key
        `key`."""
        both = " ".join(filter(None, (self.first_name, self.last_name)))
        texts = [self.email_address, self.organization_name, both]
        if key and (value := self.meta_data.get(key)) is not None:
            texts.append(str(value))
        return list(filter(None, texts))
