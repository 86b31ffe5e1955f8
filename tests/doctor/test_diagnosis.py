"""Findings: what was observed, and what it means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pypitool.catalogue.facts import Skipped
from pypitool.config.server_table import ServerSettings
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Rule
from pypitool.core.rights.tokens import Token
from pypitool.doctor.configuration import certificate_findings, trust_findings
from pypitool.doctor.fact_log import facts_findings
from pypitool.doctor.finding import Finding, Severity, document_of, error, info, ordered, warning
from pypitool.doctor.outside import UpstreamAnswer, unprotected_names, upstream_findings
from pypitool.doctor.people import (
    open_upload_findings,
    publisher_findings,
    token_findings,
    unknown_name_findings,
)
from pypitool.doctor.places import GIB, Directory, Disk, directory_findings, disk_findings
from pypitool.doctor.running import failing_findings, keeper_findings, run_findings, unit_findings
from pypitool.repository.contact import Heartbeat

NOW = datetime(2026, 1, 10, tzinfo=timezone.utc)


def words(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.id, finding.severity.value) for finding in findings]


@pytest.mark.parametrize(
    ("found", "code"),
    [((), 0), ((info,), 0), ((info, warning), 3), ((warning, error, info), 1)],
    ids=["none", "info", "warning", "error"],
)
def test_the_worst_finding_decides_the_exit_code(found: tuple[object, ...], code: int) -> None:
    findings = [make("id", "subject", "what", "why", "do") for make in found]  # type: ignore[operator]

    document = document_of(ordered(findings))

    assert document["exit_code"] == code
    weights = [Severity(one["severity"]) for one in document["findings"]]
    assert weights == sorted(weights, key=list(Severity).index)
    assert all(
        list(one) == ["id", "severity", "subject", "what", "why", "do"] for one in document["findings"]
    )


@pytest.mark.parametrize(
    ("free", "size", "found"),
    [
        (100 * GIB, 1000 * GIB, []),
        (49 * GIB, 1000 * GIB, [("disk-low", "warning")]),
        (9 * GIB, 1000 * GIB, [("disk-low", "error")]),
        (GIB // 2, 4 * GIB, [("disk-low", "warning")]),
        (0, 0, []),
    ],
)
def test_disks(free: int, size: int, found: list[tuple[str, str]]) -> None:
    if size == 0:
        free = 2 * GIB
    assert words(disk_findings(Disk("/srv", free, size))) == found


@pytest.mark.parametrize(
    ("directory", "is_written", "found"),
    [
        (Directory("/p", exists=True), True, []),
        (Directory("/p", exists=False), True, [("packages-missing", "error")]),
        (Directory("/p", exists=True, is_writable=False), True, [("packages-unwritable", "error")]),
        (Directory("/p", exists=True, is_writable=False), False, []),
        (Directory("/p", exists=True, is_exposed=True), True, [("packages-exposed", "warning")]),
    ],
)
def test_directories(directory: Directory, is_written: bool, found: list[tuple[str, str]]) -> None:
    assert words(directory_findings(directory, is_written=is_written)) == found


def test_of_a_read_only_disk_nobody_is_told_to_change_the_owner() -> None:
    found = Directory("/p", exists=True, is_writable=False, is_read_only=True)

    (finding,) = directory_findings(found, is_written=True)

    assert finding.do.startswith("mount it to be written")


@pytest.mark.parametrize(
    ("age", "lag", "watched", "found"),
    [
        (1.0, 0.0, True, []),
        (None, 0.0, True, [("keeper-down", "error")]),
        (21.0, 90.0, False, [("keeper-down", "error")]),
        (1.0, 61.0, False, [("keeper-late", "warning"), ("watches-short", "warning")]),
    ],
)
def test_keepers(age: float | None, lag: float, watched: bool, found: list[tuple[str, str]]) -> None:
    assert words(keeper_findings("/s", age, lag=lag, is_watched=watched)) == found


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (31, []),
        (29, [("certificate-ends", "warning")]),
        (6, [("certificate-ends", "error")]),
        (0, [("certificate-ended", "error")]),
    ],
)
def test_certificates(days: int, found: list[tuple[str, str]]) -> None:
    assert words(certificate_findings("c.pem", NOW + timedelta(days=days), NOW)) == found


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (UpstreamAnswer("acme", "https://h/", "it answers 500"), [("upstream-unreachable", "warning")]),
        (UpstreamAnswer("acme", "https://h/", None, "text/html", None), [("upstream-speaks", "info")]),
        (UpstreamAnswer("acme", "https://h/", None, "text/html", 59.0), [("upstream-speaks", "info")]),
        (
            UpstreamAnswer("acme", "https://h/", None, "text/html", -61.0),
            [("upstream-speaks", "info"), ("clock-off", "warning")],
        ),
    ],
)
def test_upstreams(heard: UpstreamAnswer, found: list[tuple[str, str]]) -> None:
    assert words(upstream_findings(heard)) == found


def test_names_are_unprotected_only_where_somebody_looks_elsewhere() -> None:
    names = [normalize(name) for name in ("acme-core", "tool", "tool")]

    assert unprotected_names(names, ["acme-*"], others=True) == ["tool"]
    assert unprotected_names(names, [], others=False) == []


@pytest.mark.parametrize(
    ("who", "may", "found"),
    [
        ("anonymous", Right.UPLOAD, [("uploads-open", "warning")]),
        ("anonymous", Right.ADMIN, [("uploads-open", "warning")]),
        ("anonymous", Right.DOWNLOAD, []),
        ("authenticated", Right.UPLOAD, []),
    ],
)
def test_open_uploads(who: str, may: Right, found: list[tuple[str, str]]) -> None:
    assert words(open_upload_findings([Rule((who,), frozenset({may}))])) == found


def test_names_in_rules_that_nobody_has() -> None:
    asked = ["ann", "user:eve", "token:ci-*", "token:old", "@group", "publisher:gh", "anonymous", "eve"]

    found = list(unknown_name_findings(asked, {"ann"}, ["ci-1"]))

    assert [finding.subject for finding in found] == ["user:eve", "token:old", "eve"]
    assert not list(unknown_name_findings(["eve"], None, []))


@pytest.mark.parametrize(
    ("token", "found"),
    [
        (Token("ab" * 32, "ci", (), frozenset(), "2026", "2026-01-20T00:00:00.000000Z"), True),
        (Token("ab" * 32, "ci", (), frozenset(), "2026", "2026-01-25T00:00:00.000000Z"), False),
        (Token("ab" * 32, "ci", (), frozenset(), "2026", None), False),
        (Token("ab" * 32, "ci", (), frozenset(), "2026", "2026-01-01T00:00:00.000000Z"), False),
        (Token("ab" * 32, "x", (), frozenset(), "2026", "2026-01-10T00:15:00.000000Z", "publisher:g"), False),
    ],
    ids=["soon", "later", "never", "ended", "minted"],
)
def test_tokens_that_end(token: Token, found: bool) -> None:
    assert words(token_findings([token], NOW)) == [("token-ends", "warning")] * found


def test_failed_units_are_ours_only() -> None:
    listing = "pypitool.service loaded failed failed pypitool\nother.service loaded failed failed x\n\n"

    assert [finding.subject for finding in unit_findings(listing)] == ["pypitool.service"]


def test_the_last_run_of_each_command_counts() -> None:
    newest_first = [
        {"run": 5, "command": "sync", "exit_code": None},
        {"run": 4, "command": "sync", "exit_code": 3},
        {"run": 3, "command": "update", "exit_code": 10},
        {"run": 2, "command": "verify", "exit_code": 0},
        {"run": 1, "command": "verify", "exit_code": 1},
    ]

    assert [finding.subject for finding in run_findings(newest_first)] == ["sync (4)"]


@pytest.mark.parametrize(
    ("claims", "projects", "found"),
    [
        ([("repository", ["acme/core"])], ["acme-core"], []),
        ([("repository", ["acme/*"]), ("ref", ["*"])], ["acme-*"], []),
        ([("repository_owner_id", [12345])], ["*", "!acme-*"], []),
        ([("repository", ["acme/core"])], ["*"], ["it is for every project"]),
        ([("repository", ["acme/core", "*/core"])], ["x"], ["no claim says whose workflow it is"]),
        ([("ref", ["refs/heads/main"])], ["x"], ["no claim says whose workflow it is"]),
    ],
)
def test_publishers(claims: list[tuple[str, list[object]]], projects: list[str], found: list[str]) -> None:
    assert [finding.what for finding in publisher_findings("gh", claims, projects)] == found


def test_lines_of_facts_that_cannot_be_read_or_applied() -> None:
    path = Path("facts.jsonl")
    skipped = [
        Skipped(path, 17, "it is not a fact (JSONDecodeError)"),
        Skipped(
            path,
            90,
            "it cannot be applied: it holds half of a character",
            "yank",
            takes_away=True,
            is_damaged=False,
        ),
        Skipped(path, 200, "it holds half of a character", "upload", is_damaged=False),
        Skipped(path, 300, "it holds half of a character", "upload", is_damaged=False),
    ]

    findings = list(facts_findings("facts.jsonl", skipped))

    assert [(one.id, one.severity.value, one.what) for one in findings] == [
        ("facts-damaged", "error", "1 line cannot be read; at byte 17: it is not a fact (JSONDecodeError)"),
        (
            "facts-skipped",
            "error",
            "1 line cannot be applied (yank); at byte 90: it holds half of a character",
        ),
        (
            "facts-skipped",
            "warning",
            "2 lines cannot be applied (upload); at byte 200: it holds half of a character",
        ),
    ]


def test_a_line_that_a_crash_cut_off_is_no_loss() -> None:
    torn = Skipped(Path("facts.jsonl"), 17, "it is not a fact, cut off in the middle", is_torn=True)

    (found,) = facts_findings("facts.jsonl", [torn])

    assert (found.id, found.severity) == ("facts-torn", Severity.INFO)
    assert found.what == "its last line, at byte 17, was cut off by a crash"


def test_a_sound_log_of_facts_is_no_finding() -> None:
    assert not list(facts_findings("facts.jsonl", []))


@pytest.mark.parametrize(
    ("heartbeat", "found"),
    [
        (Heartbeat(1, 1000.0), []),
        (Heartbeat(1, 1000.0, failing="no space left"), [("keeper-failing", "error")]),
        (Heartbeat(1, 1000.0, deaths=(900.0, 950.0)), []),
        (Heartbeat(1, 1000.0, deaths=(1.0, 900.0, 950.0)), []),
        (Heartbeat(1, 1000.0, deaths=(800.0, 900.0, 950.0)), [("keeper-dying", "error")]),
    ],
    ids=["well", "failing", "two deaths", "one long ago", "three deaths"],
)
def test_a_keeper_that_does_not_get_its_work_done(heartbeat: Heartbeat, found: list[tuple[str, str]]) -> None:
    assert words(failing_findings("/state", heartbeat, now=1000.0)) == found


@pytest.mark.parametrize(
    ("socket", "trusted", "found"),
    [
        ("/run/s", (), [("proxy-untrusted", "warning")]),
        ("/run/s", ("127.0.0.1",), [("proxy-untrusted", "warning")]),
        ("/run/s", ("unix",), []),
        (None, (), []),
    ],
)
def test_a_server_on_a_socket_has_to_believe_its_proxy(
    socket: str | None, trusted: tuple[str, ...], found: list[tuple[str, str]]
) -> None:
    server = ServerSettings(unix_socket=Path(socket) if socket else None, trusted_proxies=trusted)

    assert words(trust_findings(server)) == found
