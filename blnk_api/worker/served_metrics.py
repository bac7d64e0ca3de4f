"""A sender's figures at an address of their own, where someone asked for one (BLNK_METRICS)."""

from functools import partial
from typing import TYPE_CHECKING

from blnk_api.sending.posting import OnPost
from blnk_api.settings import Settings
from blnk_api.store import Store
from blnk_api.worker.engines import Engines

if TYPE_CHECKING:
    from blnk_api.worker.metrics import Metrics


class ServedMetrics:
    """Nothing, where nobody asked."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._is_wanted = settings.metrics is not None
        self._store = store
        self._metrics: Metrics | None = None

    def serve(self, engines: Engines) -> None:
        """Call it again and again: it begins as soon as the port falls free."""
        if not self._is_wanted:
            return
        if self._metrics is None:
            # Imported here: most installations have nobody who looks at them.
            from blnk_api.worker.metrics import Metrics

            self._metrics = Metrics(self._store, lambda: engines.settings, lambda: engines.running)
        if engines.settings.metrics is not None:
            self._metrics.serve(*engines.settings.metrics)

    def on_post(self, connection: str) -> OnPost:
        """The function to call for each POST."""
        return partial(self._metrics.posted, connection) if self._metrics else lambda _outcome, _seconds: None

    def close(self) -> None:
        if self._metrics is not None:
            self._metrics.close()
