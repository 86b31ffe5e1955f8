"""Wait until a server knows a whole corpus."""

from __future__ import annotations

import re
import time

from bench.corpora import Corpus
from bench.http import fetch

LONGEST = 600.0


def wait_until_catalogued(port: int, corpus: Corpus, *, seconds: float = LONGEST) -> float:
    """Wait until pypitool lists every file of a corpus, and return how long that took."""
    began = time.perf_counter()
    while (files := files_listed(port)) < corpus.files:
        if time.perf_counter() - began > seconds:
            raise TimeoutError(f"{files} of {corpus.files} files catalogued after {seconds:g} s")
        time.sleep(0.05)
    return time.perf_counter() - began


def files_listed(port: int) -> int:
    """Ask pypitool how many files it lists."""
    return int(metric(port, "pypitool_files"))


def metric(port: int, name: str, labels: str = "") -> float:
    """Read the sum of one metric's samples whose labels contain `labels`; 0 when there is none."""
    text = fetch(port, "/metrics").body.decode()
    samples = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for found, value in samples if labels in found)
