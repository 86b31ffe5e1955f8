"""A form that streams: read by the server's own reader, and never in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.progress import TransferProgress
from pypitool.upload.form import FileChanged, FileOnDisk, FormBody
from pypitool_server.views.upload_body import Form, read_form


class Sink:
    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes, /) -> None:
        self.content += data


def read(body: FormBody) -> tuple[Form, dict[str, bytes]]:
    sinks: dict[str, Sink] = {}

    def open_sink(field: str, filename: str, form: Form) -> Any:
        return sinks.setdefault(f"{field} {filename}", Sink())

    form = read_form(body.content_type, body, open_sink)
    return form, {name: sink.content for name, sink in sinks.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a-1.0+local.tar.gz"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def test_the_form_arrives_as_it_was_meant(file: Path) -> None:
    fields = [("name", "a"), ("classifiers", "one"), ("classifiers", "zwö\r\n--x"), ("summary", "")]
    body = FormBody(fields, FileOnDisk.at(file), b"signed")

    form, files = read(body)

    assert form.fields == fields
    assert files == {
        "content a-1.0+local.tar.gz": file.read_bytes(),
        "gpg_signature a-1.0+local.tar.gz.asc": b"signed",
    }


def test_its_length_is_known_before_it_is_read(file: Path) -> None:
    body = FormBody([("name", "a")], FileOnDisk.at(file), b"signed")

    assert len(body) == len(b"".join(body))


def test_each_try_reads_it_anew_and_is_heard(file: Path) -> None:
    heard: list[str | int] = []

    class Log(TransferProgress):
        def started(self, name: str, size: int | None) -> None:
            heard.append("begun")

        def moved(self, name: str, count: int) -> None:
            heard.append(count)

    body = FormBody([], FileOnDisk.at(file), progress=Log())

    tries = [b"".join(body), b"".join(body)]

    assert tries[0] == tries[1]
    assert heard.count("begun") == 2
    assert sum(count for count in heard if isinstance(count, int)) == 2 * file.stat().st_size


def test_pieces_are_small(file: Path) -> None:
    assert max(len(piece) for piece in FormBody([], FileOnDisk.at(file))) <= 64 * 1024


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


@pytest.mark.parametrize("change", [Path.unlink, grow], ids=["gone", "longer"])
def test_a_file_that_changed_since_it_was_checked_is_not_sent(
    file: Path, change: Callable[[Path], None]
) -> None:
    body = FormBody([], FileOnDisk.at(file))
    change(file)

    with pytest.raises(FileChanged):
        b"".join(body)


def test_a_file_that_changes_while_it_is_sent_is_not_sent_whole(file: Path) -> None:
    body = iter(FormBody([], FileOnDisk.at(file)))
    next(body), next(body)
    with file.open("r+b") as opened:
        opened.truncate(70_000)

    with pytest.raises(FileChanged):
        b"".join(body)
