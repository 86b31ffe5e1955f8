from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.mirror.run_events import DifferenceEvent, FileEvent, HoleEvent, ProjectEvent
from pypitool.core.mirror.run_summary import RunOutcome, Summary, Tally
from pypitool.core.mirror.run_trouble import RunTrouble
from pypitool.mirror.notify import NotifyOn, Recipients, is_worth_telling, message, notify
from tests.support.stalling import dripping_server, silent_server

QUIET = Summary("sync", 0, RunOutcome.OK, Tally(kept=3))
CHANGED = Summary("sync", 0, RunOutcome.OK, Tally(fetched=1))
FAILED = Summary("sync", 3, RunOutcome.PARTIAL, Tally(failed=1))


class Chat:
    """A webhook on loopback that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                chat.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/s3cret"


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()
    thread = threading.Thread(target=chat.server.serve_forever, args=(0.02,))
    thread.start()
    yield chat
    chat.server.shutdown()
    chat.server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (NotifyOn.FAILURE, [False, False, True]),
        (NotifyOn.CHANGE, [False, True, True]),
        (NotifyOn.ALWAYS, [True, True, True]),
    ],
)
def test_people_hear_of_what_they_asked_for(on: NotifyOn, told: list[bool]) -> None:
    assert [is_worth_telling(on, summary) for summary in (QUIET, CHANGED, FAILED)] == told


def test_a_webhook_gets_the_summary_with_host_and_text(chat: Chat) -> None:
    faults = notify(Recipients(webhook=chat.url), FAILED, "nightly")

    assert faults == ()
    (told,) = chat.told
    assert (told["type"], told["exit_code"], told["job"]) == ("summary", 3, "nightly")
    assert told["host"] in told["text"]
    assert "1 failed" in told["text"]


@pytest.mark.process
def test_a_command_gets_the_same_on_standard_input(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())"

    faults = notify(Recipients(command=(sys.executable, "-c", script)), FAILED)

    assert faults == ()
    assert json.loads(heard.read_text())["outcome"] == "partial"


def test_nobody_is_told_of_a_quiet_night(chat: Chat) -> None:
    assert notify(Recipients(webhook=chat.url), QUIET) == ()
    assert chat.told == []


@pytest.mark.process
def test_what_goes_wrong_with_the_telling_is_said_without_the_secret(chat: Chat) -> None:
    chat.status = 500
    recipients = Recipients(webhook=chat.url, command=(sys.executable, "-c", "raise SystemExit(4)"))

    webhook, command = notify(recipients, FAILED)

    assert "s3cret" not in webhook
    assert "127.0.0.1" in webhook
    assert "exit code 4" in command


@pytest.mark.parametrize(
    "recipients",
    [
        Recipients(webhook="http://127.0.0.1:9/hook"),
        Recipients(webhook="file:///etc/passwd"),
        Recipients(command=("/nonexistent/command",)),
    ],
    ids=["refused", "scheme", "absent"],
)
def test_a_recipient_that_is_not_there_is_a_fault_and_no_exception(recipients: Recipients) -> None:
    assert len(notify(recipients, FAILED)) == 1


@pytest.mark.process
def test_a_webhook_that_drips_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte within the time that one may take, a head of an answer takes months; others are told."""
    monkeypatch.setattr("pypitool.mirror.notify._TIMEOUT", 1.0)
    with dripping_server(b"HTTP/1.1 200 OK\r\nX: ") as port:
        recipients = Recipients(
            webhook=f"http://127.0.0.1:{port}/hook/s3cret", command=("/bin/sh", "-c", "cat >&2; exit 3")
        )

        fault, command = notify(recipients, FAILED)

    assert "exit code 3" in command
    assert fault == f"webhook at 127.0.0.1:{port}: it did not end in time"


@pytest.mark.process
def test_an_order_to_stop_ends_the_telling() -> None:
    stop = threading.Event()
    stop.set()
    with silent_server() as port:
        recipients = Recipients(
            webhook=f"http://127.0.0.1:{port}/hook",
            command=(sys.executable, "-c", "import time; time.sleep(1000)"),
        )

        faults = notify(recipients, FAILED, stop=stop)

    assert [fault.rpartition(": ")[2] for fault in faults] == ["it did not end in time"] * 2


@pytest.mark.process
def test_a_long_message_reaches_a_command_that_is_slow_to_read() -> None:
    script = "import sys, time; time.sleep(0.5); raise SystemExit(len(sys.stdin.read()) < 500_000)"
    trouble = RunTrouble(reason="x" * 500_000)

    assert notify(Recipients(command=(sys.executable, "-c", script)), FAILED, None, trouble) == ()


def test_a_webhook_that_leads_elsewhere_has_not_been_told(chat: Chat) -> None:
    chat.status = 302

    (fault,) = notify(Recipients(webhook=chat.url), FAILED)

    assert fault.endswith(": it answers 302")


A, B = canonicalize_name("a"), canonicalize_name("b")


def test_a_message_names_what_failed_and_what_is_missing_and_why() -> None:
    trouble = RunTrouble.of(
        [
            FileEvent("c-1.0.tar.gz", canonicalize_name("c"), "1.0", "fetched", 10),
            ProjectEvent(A, Kind.NOT_FOUND, "fake has no a==1.0"),
            FileEvent("b-1.0.tar.gz", B, "1.0", "failed", kind=Kind.INVALID, message="bytes differ"),
            HoleEvent("backend", "win", "b>=1", "a 1.0", "missing"),
        ]
    )

    told = message(FAILED, "nightly", trouble)

    assert str(told["text"]).splitlines()[1:] == [
        "failed: a: fake has no a==1.0",
        "failed: b-1.0.tar.gz: bytes differ",
        "missing: backend win: b>=1 (needed by a 1.0)",
    ]
    assert told["reason"] == "projects or files failed"
    assert told["failures"] == [
        {"project": "a", "kind": "not_found", "message": "fake has no a==1.0"},
        {"project": "b", "name": "b-1.0.tar.gz", "kind": "invalid", "message": "bytes differ"},
    ]
    assert told["missing"] == [
        {
            "type": "hole",
            "set": "backend",
            "target": "win",
            "requirement": "b>=1",
            "required_by": "a 1.0",
            "reason": "missing",
        }
    ]
    assert (told["more_failures"], told["more_missing"]) == (0, 0)


def test_ten_of_each_are_named_and_it_is_said_how_many_more_there_are() -> None:
    failures = tuple(ProjectEvent(A, Kind.NOT_FOUND, f"fake has no a=={number}") for number in range(13))
    holes = tuple(HoleEvent("backend", "win", f"b=={number}", "a 1.0", "missing") for number in range(12))

    told = message(FAILED, None, RunTrouble(failures, holes))

    lines = str(told["text"]).splitlines()
    assert (lines[11], lines[-1]) == ("... and 3 more failed", "... and 2 more are missing")
    assert (len(lines), told["more_failures"], told["more_missing"]) == (23, 3, 2)
    assert [len(told[key]) for key in ("failures", "missing")] == [10, 10]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "code", "trouble", "reason"),
    [
        (RunOutcome.FAILED, 8, RunTrouble(reason="~/packages is not there"), "~/packages is not there"),
        (RunOutcome.FAILED, 7, RunTrouble(), "no index answered"),
        (RunOutcome.INTERRUPTED, 130, RunTrouble(), "it was interrupted"),
    ],
)
def test_the_reason_stands_in_the_first_line(
    outcome: RunOutcome, code: int, trouble: RunTrouble, reason: str
) -> None:
    told = message(Summary("sync", code, outcome), "nightly", trouble)

    assert told["reason"] == reason
    assert reason in str(told["text"]).splitlines()[0]


def test_a_file_that_differs_is_a_failure() -> None:
    difference = DifferenceEvent(A, Kind.INVALID, "it is missing", name="a-1.0.tar.gz", version="1.0")

    assert list(RunTrouble.of([difference]).lines()) == ["failed: a-1.0.tar.gz: it is missing"]


@pytest.mark.process
def test_a_command_that_fails_is_quoted(tmp_path: Path) -> None:
    (fault,) = notify(Recipients(command=("cat", ">>", str(tmp_path / "file"))), FAILED)

    assert fault.startswith("command cat: exit code 1: cat: ")
    assert "No such file or directory" in fault
    assert "\n" not in fault
