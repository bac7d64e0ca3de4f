"""The import database: imports, rows, attempts and events; what was going to be sent, and the outcome."""

from blnk_api.store.database import LaterVersion, Store, StoreUnavailable

__all__ = ["LaterVersion", "Store", "StoreUnavailable"]
