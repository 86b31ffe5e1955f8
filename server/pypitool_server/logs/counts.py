"""Counts of requests: numbers in fixed places, so that those of several workers can be added up."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pypitool_server.logs.access_log import Request

# By the first word of the address, and few: every combination is a time series in somebody's database.
ROUTES = ("root", "index", "project", "file", "metadata", "json", "upload", "people", "operations", "other")
METHODS = ("GET", "HEAD", "POST", "other")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)
_BY_WORD = {
    "simple": "project",
    "packages": "file",
    "pypi": "json",
    "legacy": "upload",
    "project": "people",
    "search": "people",
    "health": "operations",
    "healthz": "operations",
    "readyz": "operations",
    "metrics": "operations",
    "": "root",
}
_ROUTE = {route: number for number, route in enumerate(ROUTES)}
_METHOD = {method: number for number, method in enumerate(METHODS)}
_WIDTH = len(BUCKETS) + 1
_REQUESTS = 0
_BYTES = _REQUESTS + len(ROUTES) * len(METHODS) * len(CLASSES)
_REPLAYED = _BYTES + len(ROUTES)
_SECONDS = _REPLAYED + len(ROUTES)
_LATENCIES = _SECONDS + len(ROUTES)
PLACES = _LATENCIES + len(ROUTES) * _WIDTH


class Counts:
    """Numbers of requests; several of them add up to those of a whole server."""

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.values = array("d", values) or array("d", bytes(8 * PLACES))

    def add(self, requests: Iterable[Request], mount: str = "") -> None:
        """Count requests; `mount` is the path under which the server lives."""
        values = self.values
        known: dict[tuple[str, str, int], tuple[int, int]] = {}
        for request in requests:
            key = request.method, request.path, request.status
            places = known.get(key)
            if places is None:
                places = known[key] = _places(request, mount)
            place, route = places
            values[place] += 1
            values[_BYTES + route] += request.size
            values[_REPLAYED + route] += request.replayed
            values[_SECONDS + route] += request.seconds
            values[_LATENCIES + route * _WIDTH + bisect_left(BUCKETS, request.seconds)] += 1

    def merge(self, other: Iterable[float]) -> None:
        """Add the numbers of another worker."""
        self.values = array("d", map(sum, zip(self.values, other, strict=True)))

    def requests(self) -> Iterator[tuple[str, str, str, float]]:
        """Iterate over route, method, class of status, and how many there were; without the noughts."""
        places = ((route, method, status) for route in ROUTES for method in METHODS for status in CLASSES)
        for place, (route, method, status) in enumerate(places):
            if value := self.values[_REQUESTS + place]:
                yield route, method, status, value

    def routes(self) -> Iterator[RouteCounts]:
        """Iterate over what is counted of each route that was asked for."""
        for place, route in enumerate(ROUTES):
            start = _LATENCIES + place * _WIDTH
            latencies = tuple(self.values[start : start + _WIDTH])
            if any(latencies):
                yield RouteCounts(
                    route,
                    self.values[_BYTES + place],
                    self.values[_REPLAYED + place],
                    self.values[_SECONDS + place],
                    latencies,
                )


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """What is counted of one route; `latencies` are one for each bucket, and one for what is longer."""

    route: str
    size: float
    replayed: float
    seconds: float
    latencies: tuple[float, ...]


def _places(request: Request, mount: str) -> tuple[int, int]:
    route = _ROUTE[route_of(request.method, request.path.removeprefix(mount))]
    method = _METHOD.get(request.method, len(METHODS) - 1)
    status = min(max(request.status // 100, 1), len(CLASSES)) - 1
    return _REQUESTS + (route * len(METHODS) + method) * len(CLASSES) + status, route


def route_of(method: str, path: str) -> str:
    """Return the kind of address that was asked for."""
    if method == "POST":
        return "upload"
    word, _, rest = path[1:].partition("/")
    route = _BY_WORD.get(word)
    if route is None:
        return "json" if rest.startswith("json") else "other"
    if route == "project" and not rest:
        return "index"
    if route == "file" and rest.endswith(".metadata"):
        return "metadata"
    return route
