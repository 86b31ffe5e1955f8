"""Numbers of requests: counted quickly, shared between processes, written for Prometheus."""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path

import pytest

from pypitool.repository.contact import Heartbeat
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.logs.access_log import Request
from pypitool_server.logs.counts import PLACES, Counts, route_of
from pypitool_server.logs.exposition import Gauges, exposed
from pypitool_server.logs.observer import Observer
from pypitool_server.logs.shared_counters import SharedCounters, SharedFile
from tests.support.calls import called

ENVIRON = {
    "REMOTE_ADDR": "10.0.0.7",
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/simple/demo/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_USER_AGENT": "pip/24.0",
}


def request(path: str, *, method: str = "GET", status: int = 200, seconds: float = 0.001) -> Request:
    return Request("10.0.0.7", None, method, path, "", "HTTP/1.1", "pip", status, True, 100, seconds, 0.0)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/", "root"),
        ("GET", "/simple/", "index"),
        ("GET", "/simple", "index"),
        ("GET", "/simple/demo/", "project"),
        ("GET", "/packages/sub/demo-1.0.tar.gz", "file"),
        ("HEAD", "/packages/demo-1.0-py3-none-any.whl.metadata", "metadata"),
        ("GET", "/pypi/demo/json", "json"),
        ("GET", "/demo/json", "json"),
        ("POST", "/", "upload"),
        ("POST", "/legacy/", "upload"),
        ("GET", "/health", "operations"),
        ("GET", "/project/demo/", "people"),
        ("GET", "/favicon.ico", "other"),
        ("GET", "//", "root"),
    ],
)
def test_an_address_has_one_of_few_routes(method: str, path: str, route: str) -> None:
    assert route_of(method, path) == route


def test_requests_are_counted_by_route_method_and_status() -> None:
    counts = Counts()

    counts.add([request("/simple/demo/"), request("/simple/demo/"), request("/x", method="BREW", status=404)])

    assert sorted(counts.requests()) == [("other", "other", "4xx", 1.0), ("project", "GET", "2xx", 2.0)]
    project = next(one for one in counts.routes() if one.route == "project")
    assert (project.size, project.replayed, project.seconds) == (200.0, 2.0, 0.002)


def test_the_path_of_the_mount_is_left_out() -> None:
    counts = Counts()

    counts.add([request("/priv/simple/demo/")], mount="/priv")

    assert [route for route, *_ in counts.requests()] == ["project"]


def add_from_another_process(file: SharedFile, times: int) -> None:
    slots = SharedCounters(file, PLACES)
    counts = Counts(slots.claim())
    counts.add([request("/simple/")] * times)
    slots.store(counts.values)


@pytest.mark.process
@pytest.mark.parametrize("context", [get_context("fork"), get_context("spawn")], ids=["fork", "spawn"])
def test_processes_add_up_and_their_numbers_outlive_them(context: ForkContext | SpawnContext) -> None:
    file = SharedFile.anonymous()

    for times in (1, 2, 3):
        process = context.Process(target=add_from_another_process, args=(file, times))
        process.start()
        process.join()
    totals = Counts()
    for values in SharedCounters(file, PLACES).all():
        totals.merge(values)

    assert list(totals.requests()) == [("index", "GET", "2xx", 6.0)]
    file.close()


@pytest.mark.process
def test_two_living_processes_never_share_a_slot(tmp_path: Path) -> None:
    file = SharedFile.named(tmp_path / "counts")
    own = SharedCounters(file, PLACES)
    counts = Counts(own.claim())
    counts.add([request("/simple/")])
    own.store(counts.values)

    process = get_context("spawn").Process(target=add_from_another_process, args=(file, 5))
    process.start()
    process.join()
    counts.add([request("/simple/")])
    own.store(counts.values)

    assert [next(iter(Counts(values).requests()))[3] for values in own.all()] == [2.0, 5.0]
    file.close()


def test_noting_a_request_takes_a_few_calls() -> None:
    file = SharedFile.anonymous()
    observer = Observer(TrustedProxies(()), SharedCounters(file, PLACES), None)

    calls = called(lambda: observer(ENVIRON, 200, 100, 0.001, None, True))

    # 1.1 us on an idle machine; whatever is counted or written at once would take more.
    assert calls.total() < 20
    file.close()


def test_prometheus_reads_what_is_exposed() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    counts = Counts()
    counts.add([request("/simple/demo/", seconds=seconds) for seconds in (0.0001, 0.003, 700.0)])
    keeper = Heartbeat(pid=1, at=90.0, read=2, to_read=5, lag=1.5)

    text = exposed(counts, Gauges("1.0", (3, 4, 1), keeper, now=100.0)).decode()
    samples = {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    assert samples["pypitool_requests_total", "GET", "project", "2xx"] == 3
    assert samples["pypitool_request_seconds_bucket", "0.0005", "project"] == 1
    assert samples["pypitool_request_seconds_bucket", "0.005", "project"] == 2
    assert samples["pypitool_request_seconds_bucket", "+Inf", "project"] == 3
    assert samples["pypitool_files",] == 4
    assert samples["pypitool_files_not_listed",] == 1
    assert samples["pypitool_keeper_heartbeat_age_seconds",] == 10
    assert samples["pypitool_keeper_lag_seconds",] == 1.5
    assert samples["pypitool_keeper_files_to_read",] == 3
