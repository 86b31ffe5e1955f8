"""Rows, samples and results: what is measured, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from bench.corpora import Corpus
from bench.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, and a remark for the reader of the table."""

    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """How hard to measure: the servers, and for how long each sample takes."""

    fleet: Fleet
    seconds: float


@dataclass(frozen=True, slots=True)
class Case:
    """One server on one corpus."""

    server: str
    corpus: Corpus


Values = Mapping[str, float]  # by server


@dataclass(frozen=True, slots=True)
class Target:
    """What the project promises for a row, in words and as a check."""

    text: str
    reached: Callable[[Values], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: who is measured on which corpora, how, and what should come out.

    `sample` returns None where a server has no such thing to measure.
    """

    name: str
    title: str
    unit: str
    corpora: tuple[str, ...]
    servers: tuple[str, ...]
    sample: Callable[[Run, Case], Sample | None]
    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)  # by corpus; "" for any
    rounds: int | None = None  # fewer than asked for, where one sample takes long
    by_default: bool = True

    def targets_on(self, corpus: str) -> tuple[Target, ...]:
        """Say what should come out on a corpus."""
        return (*self.targets.get("", ()), *self.targets.get(corpus, ()))


@dataclass(slots=True)
class Results:
    """The samples of a run, by row, corpus and server."""

    samples: dict[tuple[str, str, str], list[Sample]] = field(default_factory=dict)

    def add(self, row: Row, case: Case, sample: Sample) -> None:
        """Keep one more sample."""
        self.samples.setdefault((row.name, case.corpus.name, case.server), []).append(sample)

    def values(self, row: str, corpus: str) -> dict[str, float]:
        """The median of each server's samples."""
        return {
            server: median(sample.value for sample in samples)
            for (one_row, one_corpus, server), samples in self.samples.items()
            if (one_row, one_corpus) == (row, corpus)
        }

    def notes(self, row: str, corpus: str) -> str:
        """What the last sample of each server remarked."""
        remarks = [
            samples[-1].note
            for (one_row, one_corpus, _), samples in self.samples.items()
            if (one_row, one_corpus) == (row, corpus)
        ]
        return "; ".join(remark for remark in remarks if remark)


def at_least(value: float) -> Target:
    """Promise a floor for pypitool."""
    return Target(f"≥ {value:,.10g}", lambda values: values.get("pypitool", 0.0) >= value)


def at_most(value: float) -> Target:
    """Promise a ceiling for pypitool."""
    return Target(f"≤ {value:,.10g}", lambda values: values.get("pypitool", float("inf")) <= value)


def times_devpi(factor: float) -> Target:
    """Promise a multiple of what devpi does in the same rounds."""
    return Target(
        f"≥ {factor:g} times devpi",
        lambda values: "devpi" not in values or values["pypitool"] >= values["devpi"] * factor,
    )


def share_of_nginx(percent: float) -> Target:
    """Promise a part of what nginx does in the same rounds."""
    return Target(
        f"≥ {percent:g} % of nginx",
        lambda values: "nginx" not in values or values["pypitool"] >= values["nginx"] * percent / 100,
    )
