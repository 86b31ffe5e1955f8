from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.mirror.run_summary import RunOutcome, Summary, Tally
from pypitool.mirror.notify import NotifyOn, Recipients, is_worth_telling, notify

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
