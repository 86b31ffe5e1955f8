"""Lines of the log: whole, without secrets, and never a reason to stop."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from pypitool.core.masking import masked
from pypitool.core.rights.tokens import PREFIX
from pypitool_server.logs.access_log import AccessLog, Request
from pypitool_server.logs.sinks import PIPE_PIECE, FileSink, StreamSink
from tests.support.waiting import wait_until

TOKEN = PREFIX + "aB3_-" * 8 + "xyz"


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, lines: bytes) -> None:
        self.text += lines

    def reopen(self) -> None:
        """Nothing to do."""


def request(
    path: str = "/simple/", query: str = "", agent: str = "pip/24.0", user: str | None = None
) -> Request:
    return Request(
        "10.0.0.7", user, "GET", path, query, "HTTP/1.1", agent, 200, False, 5, 0.25, 1_700_000_000.0
    )


def written(one: Request, style: str = "text") -> str:
    kept = Kept()
    AccessLog([kept], style).write([one])
    return kept.text.decode()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://joe:s3cret@host/simple/", "https://***@host/simple/"),
        ("/simple/?token=s3cret&x=1", "/simple/?token=***&x=1"),
        ("/x?API_KEY=s3cret", "/x?API_KEY=***"),
        ("/x?pass=s3cret&PWD=s3cret&user-pass=s3cret", "/x?pass=***&PWD=***&user-pass=***"),
        ("/x?sv=2024&sig=s3cret%3D&s%69g=s3cret", "/x?sv=2024&sig=***&s%69g=***"),
        ("/x?compass=north&design=1&signed=yes", "/x?compass=north&design=1&signed=yes"),
        ("Authorization: Basic am9lOnMzY3JldA==", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer s3cret'}", "{'Authorization': 'Bearer ***'}"),
        ("sent Bearer abcdefgh12345", "sent Bearer ***"),
        ("the file keys=many is fine", "the file keys=many is fine"),
        ("a Basic idea", "a Basic idea"),
        ("/simple/?x=1&client-secret=a?b&c=d", "/simple/?x=1&client-secret=***&c=d"),
        ("?token=?hidden;k=v", "?token=***;k=v"),
        ("?token=&x=1", "?token=&x=1"),
        ("?%74oken=s3cret", "?%74oken=***"),
        ("authorization:s3cret, x", "authorization:***, x"),
        ("Authorization:  Basic  am9lOnM=", "Authorization:  Basic  ***"),
        (f"/simple/{TOKEN}/ and {TOKEN}", "/simple/pypitool_***/ and pypitool_***"),
        (f"?x={TOKEN}&y=1", "?x=pypitool_***&y=1"),
        (f"?x=pypitool%5F{TOKEN[9:]}&y=1", "?x=pypitool_***&y=1"),
        (
            "pypitool_server.engine.worker: pypitool_rules_stale",
            "pypitool_server.engine.worker: pypitool_rules_stale",
        ),
    ],
)
def test_secrets_are_masked_and_words_are_not(text: str, hidden: str) -> None:
    assert masked(text) == hidden


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_token_is_in_no_line_wherever_it_was_sent(style: str) -> None:
    everywhere = [
        request(f"/simple/{TOKEN}/"), request(query=f"x={TOKEN}"), request(agent=f"{TOKEN}/1"),
        request(user=TOKEN), request(query=f"pypitool%5f{TOKEN[9:]}=1&x=pypitool%5F{TOKEN[9:]}"),
    ]  # fmt: skip

    lines = [written(one, style) for one in everywhere]

    assert not any(TOKEN[9:] in line for line in lines)


def test_a_path_that_is_not_plain_is_written_as_it_was_sent() -> None:
    line = written(request('/simple/caf\xc3\xa9 \r\n"\\\x1b/'))

    assert '"GET /simple/caf%C3%A9%20%0D%0A%22%5C%1B/ HTTP/1.1"' in line
    assert line.count("\n") == 1


def test_what_a_client_says_of_itself_cannot_break_the_line() -> None:
    line = written(request(agent='x"\n\x00y z', user='a "b'))

    assert line.count("\n") == 1
    assert "\x00" not in line
    assert line.startswith("10.0.0.7 - a_'b [")


def test_json_lines_are_json_whatever_is_in_them() -> None:
    one = request("/simple/caf\xc3\xa9\n", 'q="\\', agent='"\x00\ud800', user='a"b\n')

    document = json.loads(written(one, "json"))

    assert document["user"] == 'a"b\n'
    assert document["seconds"] == 0.25
    assert document["bytes"] == 5


def test_lines_in_a_pipe_are_never_torn() -> None:
    reading, writing = os.pipe()
    lines = [f"{number:05} {'x' * (number % 200)}\n".encode() for number in range(3000)]
    pieces: list[bytes] = []
    reader = threading.Thread(target=lambda: pieces.extend(iter(lambda: os.read(reading, PIPE_PIECE), b"")))
    reader.start()

    StreamSink(writing).write(b"".join(lines))
    os.close(writing)
    reader.join()
    os.close(reading)

    assert b"".join(pieces) == b"".join(lines)
    assert len(pieces) >= len(b"".join(lines)) / PIPE_PIECE


def test_a_pipe_that_nobody_reads_loses_lines_and_holds_nobody() -> None:
    reading, writing = os.pipe()
    sink = StreamSink(writing)
    lines = b"x" * 79 + b"\n" + (b"y" * 99 + b"\n") * 2000

    sink.write(lines)

    # It would wait for ever for a reader.
    assert 0 < len(os.read(reading, len(lines))) < len(lines)
    os.close(reading)
    sink.write(b"nobody\n")
    os.close(writing)


def test_a_file_is_followed_after_it_was_renamed_or_removed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(path)
    sink.write(b"one\n")
    path.rename(tmp_path / "log.1")
    sink.reopen()
    sink.write(b"two\n")
    path.unlink()
    sink.reopen()
    sink.write(b"three\n")

    assert path.read_bytes() == b"three\n"
    assert (tmp_path / "log.1").read_bytes() == b"one\n"


def test_a_file_is_followed_without_being_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(path)
    path.rename(tmp_path / "log.1")

    def comes_back() -> bool:
        sink.write(b"line\n")
        return path.exists()

    wait_until(comes_back, what="the new file is written", every=0.1)
