"""What all kept facts have in common: they never change, and each knows how it stands in the database."""

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """Keys that an earlier version wrote and this one does not know are passed over; those that it did not
    write yet have defaults."""

    model_config = ConfigDict(frozen=True)

    def stored(self) -> str:
        """As JSON, what was said of it and no more."""
        return self.model_dump_json(exclude_unset=True)
