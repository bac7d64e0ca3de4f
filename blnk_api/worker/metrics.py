"""Metrics for Prometheus on a separate port (BLNK_METRICS): what the sender does, and what is waiting.

They are the sender's, because it is the sender that posts. Names and labels are connections, states and
outcomes: nothing of a file or a person.
"""

import logging
import time
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Iterator
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from blnk_api import __version__
from blnk_api.blnk.circuit_breaker import Circuit
from blnk_api.sending.instance_sending import InstanceSending
from blnk_api.settings import Settings
from blnk_api.store import Store
from blnk_api.store.monitoring import figures
from blnk_api.store.monitoring.figures import Figures
from blnk_api.store.sending import senders
from blnk_api.store.states import WORDS, Outcome

_log = logging.getLogger("blnk.worker")

_NO_CONNECTION = "none"
"""The label for instances without a connection."""

_OUTCOMES = {
    Outcome.CREATED: "created",
    Outcome.REFUSED: "rejected",
    Outcome.UNKNOWN: "in_doubt",
    Outcome.NOT_APPLIED: "not_carried_out",
    Outcome.STOP: "denied",
}
_LATENCIES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


# The creation time of a counter says little, and doubles the output.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics of one process. `settings` and `running` are called for each scrape."""

    def __init__(
        self, store: Store, settings: Callable[[], Settings], running: Callable[[], Iterable[InstanceSending]]
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._posts = Counter(
            "blnk_posts",
            "Requests to create a balance that were sent, by outcome",
            ["connection", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "blnk_post_seconds",
            "How long Blnk took to answer a request to create a balance",
            ["connection"],
            buckets=_LATENCIES,
            registry=self._registry,
        )
        self._server: WSGIServer | None = None
        self._is_told = False
        self._registry.register(_Standing(store, settings, running))

    def posted(self, connection: str, outcome: Outcome, seconds: float) -> None:
        """Counts one request that was sent, with its outcome."""
        self._posts.labels(connection, _OUTCOMES.get(outcome, outcome)).inc()
        self._seconds.labels(connection).observe(seconds)

    def serve(self, host: str, port: int) -> None:
        """Runs in a thread for as long as the process lives. If the port is taken, that is logged once, and
        this may be called again: nothing waits for metrics."""
        if self._server is not None:
            return
        try:
            self._server, _ = start_http_server(port, host, self._registry)
        except OSError as problem:
            if not self._is_told:
                self._is_told = True
                _log.warning("Metrics cannot be served at %s:%d: %s.", host, port, problem.strerror)
            return
        _log.info("Metrics: http://%s:%d/metrics", f"[{host}]" if ":" in host else host, port)

    def close(self) -> None:
        """Releases the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Standing(Collector):
    """Metrics that are read for each scrape."""

    def __init__(
        self, store: Store, settings: Callable[[], Settings], running: Callable[[], Iterable[InstanceSending]]
    ) -> None:
        self._store = store
        self._settings = settings
        self._running = running

    def describe(self) -> Iterable[Metric]:
        return []  # otherwise it would be read as soon as it is registered, from a database that may be away

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("blnk_desk", "The version that is running", {"version": __version__})
        yield from self._of_running()
        up = GaugeMetricFamily("blnk_store_up", "Whether the import database can be read")
        try:
            with self._store.read() as tx:
                found = figures.read(tx)
        except (SQLAlchemyError, OSError):
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _of_sender(found, time.time())
        yield GaugeMetricFamily(
            "blnk_notices_owed", "Notifications that are still to be sent", value=found.notices_owed
        )
        yield from self._of_imports(found, time.time())

    def _of_running(self) -> Iterator[Metric]:
        by = ["connection"]
        pace = GaugeMetricFamily("blnk_pace_per_minute", "How many requests a minute are sent now", labels=by)
        cap = GaugeMetricFamily("blnk_pace_cap_per_minute", "The most that the settings allow", labels=by)
        waits = GaugeMetricFamily(
            "blnk_pace_wait_seconds", "How long sending waits because Blnk asked for it", labels=by
        )
        breaker = GaugeMetricFamily(
            "blnk_breaker_open", "1 while the circuit breaker keeps rows from being sent", labels=by
        )
        flying = GaugeMetricFamily("blnk_posts_in_flight", "Requests that wait for an answer", labels=by)
        for one in self._running():
            name, gate = [one.connection.name], one.engine.gateway
            pace.add_metric(name, gate.pace.per_minute)
            cap.add_metric(name, gate.pace.cap_per_minute)
            waits.add_metric(name, max(0.0, gate.pace.not_before - gate.clock()))
            breaker.add_metric(name, gate.breaker.circuit is not Circuit.CLOSED)
            flying.add_metric(name, one.engine.in_flight)
        yield from (pace, cap, waits, breaker, flying)

    def _of_imports(self, found: Figures, now: float) -> Iterator[Metric]:
        settings = self._settings()
        names = {
            number: connection.name if (connection := settings.connection_of(instance)) else _NO_CONNECTION
            for number, instance in found.instances.items()
        }
        imports = GaugeMetricFamily("blnk_imports", "Imports", labels=["connection", "state"])
        rows = GaugeMetricFamily("blnk_rows", "Rows", labels=["connection", "import_state", "status"])
        oldest = GaugeMetricFamily(
            "blnk_oldest_in_doubt_seconds",
            "How long the oldest row has been in doubt; 0 if there is none",
            labels=["connection"],
        )
        need = GaugeMetricFamily(
            "blnk_rows_need_you", "Rows in doubt that a person must decide", labels=["connection"]
        )
        stopped = GaugeMetricFamily(
            "blnk_sending_stopped", "1 while sending is stopped", labels=["connection"]
        )
        # Several instances may have no connection anymore: their metrics are combined.
        of_imports: Counted[tuple[str, ...]] = Counted()
        of_rows: Counted[tuple[str, ...]] = Counted()
        for (number, state), n in found.imports.items():
            of_imports[names[number], state] += n
        for (number, state, row), n in found.rows.items():
            of_rows[names[number], state, WORDS[row].lower().replace(" ", "_")] += n
        for gauge, counted in ((imports, of_imports), (rows, of_rows)):
            for labels, n in counted.items():
                gauge.add_metric(labels, n)
        for name in dict.fromkeys(names.values()):
            numbers = [number for number, its in names.items() if its == name]
            doubts = [found.in_doubt[number] for number in numbers if number in found.in_doubt]
            oldest.add_metric([name], max((now - one.since for one in doubts), default=0))
            need.add_metric([name], sum(one.need_a_person for one in doubts))
            stopped.add_metric([name], any(number in found.stopped for number in numbers))
        yield from (imports, rows, oldest, need, stopped)


def _of_sender(found: Figures, now: float) -> Iterator[Metric]:
    """Whichever process it is: another one may be sending while this one waits for its turn."""
    beat, since = found.sender_beat_at, found.sender_since
    is_there = beat is not None and now - beat <= senders.STALE_SECONDS
    yield GaugeMetricFamily(
        "blnk_senders", "1 if a sender sent a heartbeat within the last seconds", value=is_there
    )
    if beat is not None and since is not None:
        yield GaugeMetricFamily(
            "blnk_sender_age_seconds", "How long the sender has been running", value=now - since
        )
        yield GaugeMetricFamily(
            "blnk_sender_heartbeat_age_seconds",
            "How long ago the sender's last heartbeat was",
            value=now - beat,
        )
