"""Our database of imports, rows, attempts and events: what was meant to be sent, and what came of it."""

from blnk_api.store.database import Store, StoreUnavailable

__all__ = ["Store", "StoreUnavailable"]
