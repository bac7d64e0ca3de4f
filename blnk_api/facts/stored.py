"""What all stored facts have in common: they are immutable and know their stored form."""

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """Keys that this version does not know are ignored; keys that an earlier version did not write have
    defaults."""

    model_config = ConfigDict(frozen=True)

    def stored(self) -> str:
        """As JSON, with only the values that were set."""
        return self.model_dump_json(exclude_unset=True)
