"""The numbers of the server in the text format of Prometheus; the only place that imports its client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from pypitool.repository.contact import Heartbeat
from pypitool_server.logs.counts import BUCKETS, Counts

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is true of the whole server at this moment."""

    version: str
    held: tuple[int, int, int] | None  # projects, files, and files that are not listed
    keeper: Heartbeat | None
    now: float
    stale_rules: bool | None = None  # the file is faulty, and the last good rules count on


def exposed(counts: Counts, gauges: Gauges) -> bytes:
    """Write everything that is known as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected((*_counted(counts), *_gauged(gauges))))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counted(counts: Counts) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "pypitool_requests", "Answered requests.", labels=("route", "method", "status")
    )
    for route, method, status, value in counts.requests():
        requests.add_metric((route, method, status), value)
    sent = CounterMetricFamily("pypitool_sent_bytes", "Bytes of bodies that were sent.", labels=("route",))
    replayed = CounterMetricFamily(
        "pypitool_replayed_requests", "Requests answered from ready bytes.", labels=("route",)
    )
    seconds = HistogramMetricFamily(
        "pypitool_request_seconds", "Time until the last byte was handed over.", labels=("route",)
    )
    for one in counts.routes():
        sent.add_metric((one.route,), one.size)
        replayed.add_metric((one.route,), one.replayed)
        buckets = [*map(str, BUCKETS), "+Inf"]
        sums = list(accumulate(one.latencies))
        seconds.add_metric((one.route,), list(zip(buckets, sums, strict=True)), one.seconds)
    yield from (requests, sent, replayed, seconds)


def _gauged(gauges: Gauges) -> Iterator[Metric]:
    about = GaugeMetricFamily("pypitool_info", "The version that runs.", labels=("version",))
    about.add_metric((gauges.version,), 1)
    yield about
    if gauges.held is not None:
        projects, files, problems = gauges.held
        yield GaugeMetricFamily("pypitool_projects", "Projects with at least one file.", projects)
        yield GaugeMetricFamily("pypitool_files", "Files that are served.", files)
        yield GaugeMetricFamily(
            "pypitool_files_not_listed", "Files that are broken, half copied or in conflict.", problems
        )
    if gauges.stale_rules is not None:
        yield GaugeMetricFamily(
            "pypitool_rules_stale",
            "1: the configuration is faulty, and the last good rules count on.",
            gauges.stale_rules,
        )
    if gauges.keeper is not None:
        yield from _kept(gauges.keeper, gauges.now)


def _kept(keeper: Heartbeat, now: float) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "pypitool_keeper_heartbeat_age_seconds",
        "Since the keeper's last sign of life.",
        keeper.age(now),
    )
    yield GaugeMetricFamily(
        "pypitool_keeper_lag_seconds", "For how long the oldest change has been waiting.", keeper.lag
    )
    yield GaugeMetricFamily(
        "pypitool_keeper_files_to_read",
        "Files that the scan under way has not read yet.",
        max(0, keeper.to_read - keeper.read),
    )
