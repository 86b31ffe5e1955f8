"""`pypitool upload` against an index that can do everything wrong."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from pypitool import __version__
from pypitool.__main__ import main
from tests.cli.conftest import Ended
from tests.support.certificates import Authority
from tests.support.receiver import Receiver, Reply, basic
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_sdist, build_wheel

Run = Callable[..., Ended]
AT_ONCE = {"Retry-After": "0"}


@pytest.fixture
def index() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Two releases of acme-core and one of other."""
    directory = tmp_path / "dist"
    for version in ("1.0", "1.1"):
        build_wheel(directory, "acme-core", version)
        build_sdist(directory, "acme-core", version)
    build_wheel(directory, "other", "1.0")
    return directory


@pytest.fixture
def run(
    index: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    def run(*words: str | Path, url: str | None = index.url, config: str = "") -> Ended:
        file = home / "config.toml"
        file.write_text(config)
        where = [] if url is None else ["--url", url]
        capsys.readouterr()
        code = main(["upload", *map(str, words), *where, "--config", str(file)])
        return Ended(code, *capsys.readouterr())

    return run


def lines(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.out.splitlines()]


def outcomes(ended: Ended) -> dict[str, str]:
    return {line["name"]: line["outcome"] for line in lines(ended) if line["type"] == "file"}


def hold(index: Receiver, file: Path, body: bytes | None = None) -> None:
    index.state.held[file.name] = file.read_bytes() if body is None else body


def test_every_file_arrives_with_its_form(run: Run, index: Receiver, dist: Path) -> None:
    files = sorted(dist.iterdir())

    ended = run(*files, "--json")

    assert ended.code == 0
    arrived = {received.filename: received for received in index.state.received}
    assert {name: one.files[name] for name, one in arrived.items()} == {
        file.name: file.read_bytes() for file in files
    }
    wheel = arrived["acme_core-1.0-py3-none-any.whl"]
    assert wheel.path == "/legacy/"
    assert wheel.values(":action") == ["file_upload"]
    assert wheel.values("protocol_version") == ["1"]
    assert wheel.values("metadata_version") == ["2.1"]
    assert (wheel.values("name"), wheel.values("version")) == (["acme-core"], ["1.0"])
    assert wheel.values("sha256_digest") == [hashlib.sha256(wheel.files[wheel.filename]).hexdigest()]
    assert wheel.values("blake2_256_digest") == [
        hashlib.blake2b(wheel.files[wheel.filename], digest_size=32).hexdigest()
    ]
    assert wheel.values("md5_digest") == []
    assert wheel.user_agent == f"pypitool/{__version__}"
    assert wheel.authorization is None


def test_the_lines_are_as_promised(run: Run, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    size = wheel.stat().st_size

    file, summary = lines(run(wheel, "--json"))

    assert file == {
        "type": "file",
        "name": wheel.name,
        "project": "other",
        "version": "1.0",
        "outcome": "uploaded",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "bytes": size,
    }
    assert summary.pop("seconds") < 10
    assert summary == {
        "type": "summary",
        "command": "upload",
        "outcome": "ok",
        "exit_code": 0,
        "uploaded": 1,
        "kept": 0,
        "failed": 0,
        "bytes": size,
    }


def test_people_read_what_happened(run: Run, index: Receiver, dist: Path) -> None:
    hold(index, dist / "acme_core-1.0.tar.gz")
    index.state.always = Reply(409)

    ended = run(dist / "acme_core-1.0.tar.gz", dist / "other-1.0-py3-none-any.whl")

    assert ended.code == 3
    assert "kept acme_core-1.0.tar.gz: it is there already, with the same bytes\n" in ended.err
    assert "error: other-1.0-py3-none-any.whl: Conflict (HTTP 409); its page does not list it\n" in ended.err
    assert ended.out.startswith("upload: 0 uploaded, 1 kept, 1 failed in ")


@pytest.mark.parametrize(
    ("said", "outcome"), [("created", "uploaded"), ("unchanged", "kept"), ("replaced", "replaced")]
)
def test_what_our_server_says_of_an_upload_counts(
    run: Run, index: Receiver, dist: Path, said: str, outcome: str
) -> None:
    index.state.always = Reply(200, headers={"X-Pypitool-Outcome": said})

    ended = run(dist / "other-1.0-py3-none-any.whl", "--json")

    assert list(outcomes(ended).values()) == [outcome]
    assert lines(ended)[-1]["uploaded"] == (0 if outcome == "kept" else 1)


def test_nothing_is_sent_when_one_file_has_a_fault(run: Run, index: Receiver, dist: Path) -> None:
    (dist / "broken-1.0-py3-none-any.whl").write_bytes(b"no archive")

    ended = run(*dist.iterdir())

    assert ended.code == 1
    assert "nothing was sent: " in ended.err
    assert index.state.attempts == 0


def test_a_dry_run_checks_and_sends_nothing(run: Run, index: Receiver, dist: Path) -> None:
    ended = run(*sorted(dist.glob("other*")), "--dry-run", "--json")

    assert ended.code == 0
    assert lines(ended)[0] == {"type": "plan", "action": "send", "name": "other-1.0-py3-none-any.whl"}
    assert (index.state.attempts, index.state.pages_asked) == (0, [])


def test_a_dry_run_asks_what_is_there_when_that_decides(run: Run, index: Receiver, dist: Path) -> None:
    hold(index, dist / "acme_core-1.0.tar.gz")
    hold(index, dist / "acme_core-1.1.tar.gz", b"other bytes")

    ended = run(*sorted(dist.glob("*")), "--dry-run", "--skip-existing", "--json")

    assert ended.code == 0
    assert {line["name"]: line["action"] for line in lines(ended)[:-1]} == {
        "acme_core-1.0-py3-none-any.whl": "send",
        "acme_core-1.0.tar.gz": "keep",
        "acme_core-1.1-py3-none-any.whl": "send",
        "acme_core-1.1.tar.gz": "conflict",
        "other-1.0-py3-none-any.whl": "send",
    }
    assert index.state.attempts == 0
    assert sorted(index.state.pages_asked) == ["acme-core", "other"]


@pytest.mark.parametrize("page", ["json", "html"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "md5", None])
def test_what_is_there_is_told_by_its_hash_on_any_index(
    run: Run, index: Receiver, dist: Path, page: str, algorithm: str | None
) -> None:
    index.state.json, index.state.hashes = page == "json", algorithm
    hold(index, dist / "acme_core-1.0.tar.gz")
    hold(index, dist / "acme_core-1.1.tar.gz", b"other bytes")

    ended = run(*sorted(dist.glob("acme*")), "--skip-existing", "--json")

    assert ended.code == 3
    assert outcomes(ended) == {
        "acme_core-1.0.tar.gz": "kept",
        "acme_core-1.1.tar.gz": "conflict",
        "acme_core-1.0-py3-none-any.whl": "uploaded",
        "acme_core-1.1-py3-none-any.whl": "uploaded",
    }
    # A hash that proves nothing is as good as none: the file itself is looked at.
    is_weak = algorithm in ("md5", None)
    assert sorted(index.state.files_asked) == (
        ["acme_core-1.0.tar.gz", "acme_core-1.1.tar.gz"] if is_weak else []
    )


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Reply(409, body=b"File already exists"), 6),
        (Reply(400, "File already exists. See the help"), 6),
        (Reply(403, headers={"Content-Type": "text/plain"}, body=b"it already exists here"), 6),
        (Reply(400, "the form is wrong"), 1),
        (Reply(403), 4),
        (Reply(404), 5),
        (Reply(413), 1),
        (Reply(500, "already exists"), 1),
    ],
    ids=["409", "400 exists", "403 exists", "400", "403", "404", "413", "500"],
)
def test_a_refusal_has_the_exit_code_of_its_kind(
    run: Run, index: Receiver, dist: Path, refusal: Reply, code: int
) -> None:
    index.state.always = refusal
    wheel = dist / "other-1.0-py3-none-any.whl"
    hold(index, wheel, b"other bytes")

    ended = run(wheel, "--json")

    assert ended.code == code
    assert outcomes(ended) == {wheel.name: "conflict" if code == 6 else "failed"}
    assert f"HTTP {refusal.status}" in lines(ended)[0]["message"] or code == 6


@pytest.mark.parametrize("status", [400, 403, 409])
def test_a_refusal_of_the_same_bytes_is_none(run: Run, index: Receiver, dist: Path, status: int) -> None:
    index.state.always = Reply(status, "File already exists")
    wheel = dist / "other-1.0-py3-none-any.whl"
    hold(index, wheel)

    ended = run(wheel, "--json")

    assert ended.code == 0
    assert outcomes(ended) == {wheel.name: "kept"}


def test_a_conflict_tells_both_hashes(run: Run, index: Receiver, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    hold(index, wheel, b"other bytes")
    index.state.always = Reply(409)

    ended = run(wheel, "--json")

    message = lines(ended)[0]["message"]
    assert hashlib.sha256(b"other bytes").hexdigest() in message
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in message


def test_what_may_pass_is_tried_again(run: Run, index: Receiver, dist: Path) -> None:
    index.state.replies = [Reply(status, headers=AT_ONCE) for status in (503, 429, 502, 504)]
    wheel = dist / "other-1.0-py3-none-any.whl"

    ended = run(wheel, "--json")

    assert ended.code == 0
    assert index.state.attempts == 5
    assert {received.files[wheel.name] for received in index.state.received} == {wheel.read_bytes()}


def test_a_cut_connection_is_tried_again(run: Run, index: Receiver, dist: Path) -> None:
    index.state.replies = [None]

    assert run(dist / "other-1.0-py3-none-any.whl").code == 0
    assert index.state.attempts == 2


def test_what_does_not_pass_is_unavailable_with_its_reason(run: Run, index: Receiver, dist: Path) -> None:
    headers = {**AT_ONCE, "Content-Type": "text/plain"}
    index.state.always = Reply(503, body=b"closed for the night\n", headers=headers)

    ended = run(dist / "other-1.0-py3-none-any.whl", "--json")

    assert ended.code == 7
    assert lines(ended)[0]["message"] == "closed for the night (HTTP 503)"
    assert index.state.attempts == 6


def test_nobody_waits_longer_than_two_minutes(run: Run, index: Receiver, dist: Path) -> None:
    index.state.always = Reply(503, headers={"Retry-After": "121"})

    assert run(dist / "other-1.0-py3-none-any.whl").code == 7
    assert index.state.attempts == 1


@pytest.mark.parametrize("status", [400, 500, 507])
def test_what_will_not_pass_is_not_tried_again(run: Run, index: Receiver, dist: Path, status: int) -> None:
    index.state.always = Reply(status, headers=AT_ONCE)

    run(dist / "other-1.0-py3-none-any.whl")

    assert index.state.attempts == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_names_the_address(
    run: Run, index: Receiver, dist: Path, status: int
) -> None:
    with Receiver() as other:
        index.state.always = Reply(status, headers={"Location": f"{other.root}elsewhere/?token=secret"})

        ended = run(dist / "other-1.0-py3-none-any.whl", "--json")

        assert ended.code == 1
        assert f"it redirects uploads to {other.root}elsewhere/:" in lines(ended)[0]["message"]
        assert "secret" not in ended.out
        assert other.state.attempts == 0


def test_refused_credentials_stop_everything(run: Run, index: Receiver, dist: Path) -> None:
    index.state.credentials = ("ann", "one")

    ended = run(*dist.iterdir(), "-u", "ann", "--jobs", "1", "--json")

    assert ended.code == 4
    assert index.state.attempts == 1
    assert [line["kind"] for line in lines(ended)[:-1]] == ["unauthorized"] * 5
    assert sum("not sent" in line["message"] for line in lines(ended)[:-1]) == 4


def test_the_first_file_of_each_project_goes_alone(run: Run, index: Receiver, dist: Path) -> None:
    under_way: set[str] = set()
    together: list[set[str]] = []
    both_firsts = threading.Barrier(2, timeout=LONGEST)
    lock = threading.Lock()

    def on_upload(filename: str) -> None:
        with lock:
            under_way.add(filename)
            together.append(set(under_way))
        if filename in ("acme_core-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"):
            both_firsts.wait()
        with lock:
            under_way.discard(filename)

    index.state.on_upload = on_upload

    ended = run(*sorted(dist.iterdir()), "--jobs", "4")

    assert ended.code == 0
    first = "acme_core-1.0-py3-none-any.whl"
    assert all(
        len([name for name in at_once if "acme" in name]) == 1 for at_once in together if first in at_once
    )
    assert {"other-1.0-py3-none-any.whl", first} in together


def test_companions_go_along(run: Run, index: Receiver, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    signature = b"-----BEGIN PGP SIGNATURE-----\nabc\n"
    Path(f"{wheel}.asc").write_bytes(signature)
    Path(f"{wheel}.publish.attestation").write_text('{"version": 1}')

    run(wheel)
    run(wheel, "--no-attestations")

    with_all, without = index.state.received
    assert with_all.files[f"{wheel.name}.asc"] == signature
    assert with_all.values("attestations") == ['[{"version": 1}]']
    assert without.values("attestations") == []


def test_an_index_that_cannot_be_read_lets_nothing_be_sent(run: Run, index: Receiver, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    index.state.page = Reply(200, body=b"<p>Welcome</p>", headers={"Content-Type": "text/html"})
    portal = run(wheel, "--skip-existing", "--json")
    index.state.page = Reply(403)
    closed = run(wheel, "--skip-existing", "--json")

    assert (portal.code, closed.code) == (7, 4)
    assert index.state.attempts == 0


def test_an_index_that_sends_elsewhere_does_not_have_it(run: Run, index: Receiver, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    with Receiver() as public:
        hold(public, wheel)
        index.state.page = Reply(302, headers={"Location": f"{public.root}simple/other/"})

        ended = run(wheel, "--skip-existing", "--json")

        assert outcomes(ended) == {wheel.name: "uploaded"}
        assert public.state.pages_asked == []


def test_another_index_can_be_asked(run: Run, index: Receiver, dist: Path) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    with Receiver() as public:
        hold(public, wheel)

        ended = run(wheel, "--skip-existing", "--index-url", f"{public.root}simple", "--json")

        assert outcomes(ended) == {wheel.name: "kept"}


def test_credentials_go_to_the_index_of_the_same_server_and_to_no_other(
    run: Run, index: Receiver, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYPITOOL_TOKEN", "pypitool_x")
    wheel = dist / "other-1.0-py3-none-any.whl"
    with Receiver() as public:
        run(wheel, "--skip-existing")
        run(wheel, "--skip-existing", "--index-url", f"{public.root}simple/")
        url = public.root.replace("http://", "http://bob:two@")
        run(wheel, "--skip-existing", "--index-url", f"{url}simple/")

        token = basic("__token__", "pypitool_x")
        assert index.state.page_authorizations == [token]
        assert public.state.page_authorizations == [None, basic("bob", "two")]
        assert {received.authorization for received in index.state.received} == {token}


def test_a_password_comes_from_standard_input(
    run: Run, index: Receiver, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.state.credentials = ("ann", " öne ")
    monkeypatch.setattr("sys.stdin", StringIO(" öne \nmore\n"))

    assert run(dist / "other-1.0-py3-none-any.whl", "-u", "ann", "--password-stdin").code == 0


def test_a_remote_says_everything(run: Run, index: Receiver, dist: Path, tmp_path: Path) -> None:
    index.state.credentials = ("ann", "one")
    (tmp_path / "home" / "secret").write_text("one\n")
    config = (
        f'[remote.acme]\nurl = "{index.root}"\nupload-url = "{index.url}"\n'
        'auth = { user = "ann", password-file = "secret" }\n'
    )
    wheel = dist / "other-1.0-py3-none-any.whl"
    hold(index, dist / "acme_core-1.0.tar.gz")

    only = run(wheel, url=None, config=config)
    named = run(
        dist / "acme_core-1.0.tar.gz", "-r", "acme", "--skip-existing", "--json", url=None, config=config
    )

    assert only.code == 0
    assert outcomes(named) == {"acme_core-1.0.tar.gz": "kept"}


def test_a_certificate_of_an_authority_of_our_own(
    run: Run, dist: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = dist / "other-1.0-py3-none-any.whl"
    with Receiver(authority) as safe:
        refused = run(wheel, url=safe.url)
        by_flag = run(wheel, "--ca", authority.ca, url=safe.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca))
        by_variable = run(wheel, url=safe.url)
        broken = run(wheel, "--ca", wheel, url=safe.url)

    assert (refused.code, by_flag.code, by_variable.code, broken.code) == (7, 0, 0, 8)
    assert "certificate verify failed" in refused.err
    assert "`--ca FILE`" in refused.err.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [("--url", "http://h/", "-r", "acme"), ("-r", "acme"), (), ("--jobs", "17"), ("--password-stdin",)],
)
def test_what_cannot_be_meant_is_wrong_usage(
    run: Run, dist: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO())
    url = "http://127.0.0.1:9/" if words == ("--password-stdin",) else None

    assert run(dist / "other-1.0-py3-none-any.whl", *words, url=url).code == 2


def test_a_file_that_changed_after_the_check_is_not_sent(run: Run, index: Receiver, dist: Path) -> None:
    wheel, sdist = dist / "acme_core-1.0-py3-none-any.whl", dist / "acme_core-1.0.tar.gz"

    def on_upload(filename: str) -> None:
        sdist.write_bytes(b"another one")

    index.state.on_upload = on_upload

    ended = run(wheel, sdist, "--json")

    assert ended.code == 3
    assert outcomes(ended) == {wheel.name: "uploaded", sdist.name: "failed"}
    assert lines(ended)[1]["message"] == "it changed since it was checked"


@pytest.mark.process
def test_an_interruption_says_what_is_done_and_leaves_the_rest(
    index: Receiver, dist: Path, clean_environment: dict[str, str]
) -> None:
    under_way, may_end = threading.Event(), threading.Event()

    def on_upload(filename: str) -> None:
        if filename.startswith("other"):
            under_way.set()
            may_end.wait(LONGEST)

    index.state.on_upload = on_upload
    words = ["upload", "--url", index.url, "--jobs", "1", "--json"]
    # In the order in which they are sent one at a time: the first of each project, then the others.
    files = [dist / "other-1.0-py3-none-any.whl", *sorted(dist.glob("acme*"))]
    with subprocess.Popen(
        [sys.executable, "-m", "pypitool", *words, *map(str, files)],
        env=clean_environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert under_way.wait(LONGEST)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: is_delivered(process.pid), what="the signal is delivered")
        may_end.set()
        out, _ = process.communicate(timeout=LONGEST)

    ended = Ended(process.returncode, out, "")
    assert ended.code == 130
    assert outcomes(ended) == {"other-1.0-py3-none-any.whl": "uploaded"}
    assert lines(ended)[-1]["outcome"] == "interrupted"
    assert index.state.attempts == 1


def is_delivered(pid: int) -> bool:
    """Tell whether no signal waits for a process any more."""
    status = Path(f"/proc/{pid}/status").read_text()
    waiting = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", status, re.MULTILINE)
    return len(waiting) == 2 and not any(int(mask, 16) for mask in waiting)


def test_where_nobody_can_be_reached_only_the_files_in_hand_are_tried(
    run: Run, index: Receiver, dist: Path
) -> None:
    ended = run(*sorted(dist.iterdir()), "--json", url=index.url.replace("http://", "https://"))

    messages = [line["message"] for line in lines(ended) if line["type"] == "file"]
    assert (ended.code, len(messages)) == (7, 5)
    unsent = [message for message in messages if message.startswith("not sent: ")]
    assert len(unsent) >= 3
    assert unsent[0].endswith("cannot be reached (it does not speak TLS; is its address one of http?)")
