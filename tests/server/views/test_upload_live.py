"""Uploads to real servers: two workers, the real engine, and clients that misbehave."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.accounts import write_htpasswd
from tests.support.forms import Body, multipart, upload_form
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import Release, sdist_bytes, wheel_bytes

pytestmark = pytest.mark.live

RELEASE = Release("acme-core", "1.0")
WHEEL = "acme_core-1.0-py3-none-any.whl"
FORM = upload_form(WHEEL, wheel_bytes(RELEASE))
OPEN = ("-a", ".", "-P", ".")
ALL = "download,list,update"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def server(house: Path) -> Iterator[ServerProcess]:
    """Two workers, open to all, impatient with silence."""
    packages = house / "packages"
    packages.mkdir()
    options = [*OPEN, "--workers", "2", "--body-timeout", "2s"]
    with ServerProcess(packages, home=house, options=options) as started:
        yield started


def post(server: ServerProcess, body: Body, path: str = "/") -> tuple[int, str]:
    answer = server.post(path, data=body.data, headers={"Content-Type": body.content_type})
    return answer.status_code, answer.headers.get("X-Pypitool-Outcome", "")


def at_once(actions: Sequence[Callable[[], tuple[int, str]]]) -> list[tuple[int, str]]:
    """Run all of them at the same moment, each in its own thread."""
    barrier = threading.Barrier(len(actions))
    results: list[tuple[int, str]] = []

    def run(action: Callable[[], tuple[int, str]]) -> None:
        barrier.wait()
        results.append(action())

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def raw(server: ServerProcess, body: Body, *, length: int | None = None, more: str = "") -> socket.socket:
    """Open a connection and send the head of an upload."""
    connection = socket.create_connection((HOST, server.port), timeout=LONGEST)
    size = len(body.data) if length is None else length
    head = (
        f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {body.content_type}\r\n"
        f"Content-Length: {size}\r\n{more}\r\n"
    )
    connection.sendall(head.encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    connection.close()
    return received


def leftovers(packages: Path) -> list[str]:
    """What is left of uploads that were not published."""
    return [path.name for path in packages.glob(".pypitool/incoming/*")]


def test_eight_writers_of_one_name_with_different_bytes_have_one_winner(server: ServerProcess) -> None:
    release = Release("race-one", "1.0")
    bodies = [
        upload_form("race_one-1.0-py3-none-any.whl", wheel_bytes(release, extra_files={f"{n}.py": b""}))
        for n in range(8)
    ]

    results = at_once([lambda body=body: post(server, body) for body in bodies])  # type: ignore[misc]

    assert sorted(results) == [(200, "created")] + [(409, "")] * 7
    assert leftovers(server.packages[0]) == []


def test_eight_writers_of_the_same_bytes_are_all_served(server: ServerProcess) -> None:
    body = upload_form("race_two-1.0-py3-none-any.whl", wheel_bytes(Release("race-two", "1.0")))

    results = at_once([lambda: post(server, body)] * 8)

    assert sorted(results) == [(200, "created")] + [(200, "unchanged")] * 7


def test_an_upload_is_visible_in_every_worker_when_its_answer_comes(server: ServerProcess) -> None:
    seen = []

    for number in range(10):
        name = f"seen_at_once-1.{number}.tar.gz"
        post(server, upload_form(name, sdist_bytes(Release("seen-at-once", f"1.{number}"))))
        pages = [server.get("/simple/seen-at-once/", headers=JSON).json() for _ in range(6)]
        seen.append([name in [file["filename"] for file in page["files"]] for page in pages])

    assert seen == [[True] * 6] * 10


def test_a_silent_body_is_ended_with_an_answer_and_leaves_nothing(server: ServerProcess) -> None:
    connection = raw(server, FORM)
    connection.sendall(FORM.data[: len(FORM.data) // 2])

    answer = answer_of(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the request was silent for 2 s" in answer
    assert leftovers(server.packages[0]) == []


def test_a_client_that_goes_away_leaves_nothing(server: ServerProcess) -> None:
    noise = hashlib.shake_128(b"").digest(400_000)
    body = upload_form(WHEEL, wheel_bytes(RELEASE, extra_files={"noise.bin": noise}))
    with raw(server, body) as connection:
        connection.sendall(body.data[:200_000])
        wait_until(lambda: leftovers(server.packages[0]), what="the upload has begun")

    wait_until(lambda: not leftovers(server.packages[0]), what="the temporary file is gone")
    assert not (server.packages[0] / WHEEL).exists()


def test_a_slow_body_is_not_a_silent_one(server: ServerProcess) -> None:
    body = upload_form("slow-1.0.tar.gz", sdist_bytes(Release("slow", "1.0")))
    connection = raw(server, body, more="Connection: close\r\n")
    pause = threading.Event()

    for start in range(0, len(body.data), len(body.data) // 5):
        connection.sendall(body.data[start : start + len(body.data) // 5])
        pause.wait(0.6)

    assert answer_of(connection).startswith(b"HTTP/1.1 200 ")


def test_a_body_shorter_than_it_says_is_refused(server: ServerProcess) -> None:
    connection = raw(server, FORM, length=len(FORM.data) + 100)
    connection.sendall(FORM.data)
    connection.shutdown(socket.SHUT_WR)

    answer = answer_of(connection)

    # The engine may close without an answer: the client has said that it will not send any more.
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")
    assert not (server.packages[0] / WHEEL).exists()


def test_chunked_counts_beside_a_length_and_the_connection_closes(server: ServerProcess) -> None:
    body = upload_form("chunked-1.0.tar.gz", sdist_bytes(Release("chunked", "1.0")))
    connection = raw(server, body, length=5, more="Transfer-Encoding: chunked\r\n")
    connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body.data), body.data))

    answer = answer_of(connection)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_form_of_ten_thousand_fields_and_a_huge_header_have_answers(server: ServerProcess) -> None:
    fields = multipart([("classifiers", "x")] * 10_001)

    many, _ = post(server, fields)
    huge = server.get("/simple/", headers={"X-Huge": "x" * 1_000_000}).status_code

    assert many == 413
    assert 400 <= huge < 500


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ServerProcess]:
    """Two workers that ask everybody for a password."""
    packages = tmp_path / "packages"
    packages.mkdir()
    passwords = write_htpasswd(tmp_path / "htpasswd", {"deploy": "secret"})
    options = ["-a", ALL, "-P", str(passwords), "--workers", "2"]
    with ServerProcess(packages, home=tmp_path, options=options) as started:
        yield started


def test_a_large_upload_without_credentials_reads_its_refusal(guarded: ServerProcess) -> None:
    answer = guarded.post("/", data=bytes(30_000_000), headers={"Content-Type": "multipart/form-data"})

    assert answer.status_code == 401


def test_a_client_that_asks_first_is_refused_before_it_sends(guarded: ServerProcess) -> None:
    connection = raw(guarded, FORM, length=10**9, more="Expect: 100-continue\r\n")

    answer = answer_of(connection)

    assert answer.startswith(b"HTTP/1.1 401 ")
    # Or a proxy that asked for its client would send everything all the same.
    assert b"connection: close" in answer.lower()


def test_guesses_are_slowed_down_across_workers(guarded: ServerProcess) -> None:
    codes = [guarded.get("/simple/", auth=("deploy", f"guess {number}")).status_code for number in range(12)]

    refused = guarded.get("/simple/", auth=("deploy", "guess again"))
    other_user = guarded.get("/simple/", auth=("nobody", "guess")).status_code

    assert codes[:5] == [401] * 5
    assert codes[-1] == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert other_user == 401


def test_a_removed_user_stops_in_every_worker(guarded: ServerProcess, tmp_path: Path) -> None:
    before = [guarded.get("/simple/", auth=("deploy", "secret")).status_code for _ in range(6)]

    write_htpasswd(tmp_path / "htpasswd", {"other": "secret"})
    after = [guarded.get("/simple/", auth=("deploy", "secret")).status_code for _ in range(6)]

    assert before == [200] * 6
    # The first is refused as wrong; from then on the same password is known to be wrong.
    assert after == [401] * 6
