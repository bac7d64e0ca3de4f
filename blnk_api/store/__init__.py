"""Our database: imports, rows, attempts and events; what was meant to be sent, and its outcome."""

from blnk_api.store.database import LaterVersion, Store, StoreUnavailable

__all__ = ["LaterVersion", "Store", "StoreUnavailable"]
