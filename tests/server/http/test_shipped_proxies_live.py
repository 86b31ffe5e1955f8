"""What is shipped in `deploy/` for a proxy, in front of a real server, as its clients see it."""

from __future__ import annotations

import io
import json
import random
import shutil
import ssl
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from http.client import HTTPSConnection
from itertools import product
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from pypitool.__main__ import main
from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority, make_authority
from tests.support.clients import Client
from tests.support.server import ServerProcess, free_port
from tests.support.shipped_proxies import APACHE, NGINX, SHIPPED, Places, ShippedProxy
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

LARGE = "acme_large-1.0-py3-none-any.whl"
SMALL = "acme_core-1.0-py3-none-any.whl"
# Beside what a shipped file says: who somebody is, for whom a forged header would open something.
RIGHTS = """
[auth]
passwords = "{passwords}"
header = "Remoteuser"
[[rule]]
who = ["anonymous"]
may = ["list", "download"]
projects = ["acme-core", "acme-large", "acme-new"]
[[rule]]
who = ["ann"]
may = ["list", "download", "upload"]
[[rule]]
who = ["root"]
may = ["admin"]
[[rule]]
who = ["anonymous"]
may = ["list"]
from = ["10.0.0.0/8"]
"""
# More than any buffer on the way holds.
NOISE = random.Random(1).randbytes(3_000_000)
ANN = ("ann", "of-ann")


@dataclass
class Behind:
    """A server behind a proxy."""

    url: str
    packages: Path
    authority: Authority
    config: Path
    home: Path
    server: ServerProcess

    @cached_property
    def client(self) -> Client:
        return Client.beside_us(self.home)

    @property
    def trusting(self) -> dict[str, str]:
        """What has a client trust the certificate of the proxy, whatever its option is called."""
        return dict.fromkeys(
            ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(self.authority.ca)
        )

    @property
    def index(self) -> str:
        return f"{self.url}/simple/"

    def ask(self, method: str, path: str, **more: object) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(self.authority.ca)
            return session.request(
                method, self.url + path, allow_redirects=False, timeout=60, **more  # type: ignore[arg-type]
            )  # fmt: skip

    def get(self, path: str, **headers: str) -> requests.Response:
        # Bytes as they are on the disk: no client of an index asks for a wheel that is compressed once more.
        named = {name.replace("__", "-"): value for name, value in headers.items()}
        return self.ask("GET", path, headers={"Accept-Encoding": "identity", **named})


@pytest.fixture(scope="module", params=SHIPPED, ids=str)
def proxy(request: pytest.FixtureRequest) -> ShippedProxy:
    chosen: ShippedProxy = request.param
    return chosen


@pytest.fixture(scope="module")
def behind(proxy: ShippedProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    home = tmp_path_factory.mktemp("behind")
    packages, folder = home / "packages", home / "proxy"
    folder.mkdir()
    build_wheel(packages, "acme-core", "1.0")
    build_wheel(packages, "acme-secret", "1.0")
    build_wheel(packages, "acme-large", "1.0", extra_files={"acme_large.bin": bytes(range(256)) * 8192})
    authority = make_authority(folder)
    places = Places(folder, free_port(), free_port(), packages, authority)
    config = home / "config.toml"
    passwords = write_htpasswd(home / "htpasswd", {"ann": "of-ann", "root": "of-root"})
    config.write_text(proxy.settings_at(places) + RIGHTS.format(passwords=passwords))
    server = ServerProcess(
        home=home,
        line=f"--config {config} serve --disable-fallback {packages}",
        ready_path=None,
    )
    with ExitStack() as stack:
        stack.enter_context(server)
        wait_until(lambda: "serves" in server.log, what="the server serves")
        url = stack.enter_context(proxy.running(places))
        there = Behind(url, packages, authority, config, home, server)
        wait_until(lambda: there.get("/simple/acme-large/").ok, what="its files are listed")
        yield there


def test_pip_and_uv_install_through_it(behind: Behind) -> None:
    for program in (["pip"], ["uv", "pip"]):
        words = [*program[1:], "install", "--no-deps", "--target", str(behind.home / program[0])]
        behind.client.succeed(
            program[0], *words, "--index-url", behind.index, "acme-core", "acme-large",
            environment=behind.trusting,
        )  # fmt: skip

    installed = [sorted(path.name for path in (behind.home / name).glob("*.py")) for name in ("pip", "uv")]
    assert installed == [["acme_core.py", "acme_large.py"]] * 2


@pytest.mark.parametrize("slash", ["/", ""])
def test_twine_uploads_through_it_and_is_told_what_was_refused(
    behind: Behind, slash: str, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path, "acme-new", f"1.{len(slash)}", extra_files={"x.bin": NOISE})
    words = ["upload", "--non-interactive", "--repository-url", behind.url + slash, "-u", "ann", str(wheel)]

    refused = behind.client.fail("twine", *words, "-p", "wrong", environment=behind.trusting)
    behind.client.succeed("twine", *words, "-p", "of-ann", environment=behind.trusting)

    assert "401" in refused
    assert behind.get(f"/packages/{wheel.name}").content == wheel.read_bytes()


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_a_file_arrives_with_everything_that_the_server_says_of_it(behind: Behind, name: str) -> None:
    body = (behind.packages / name).read_bytes()
    etag = f'"{sha256(body).hexdigest()}"'

    whole = behind.get(f"/packages/{name}")
    modified = whole.headers["Last-Modified"]
    head = behind.ask("HEAD", f"/packages/{name}")

    assert whole.content == body
    for answer in (whole, head):
        said = {key: answer.headers.get(key) for key in ("ETag", "X-Content-Type-Options", "Accept-Ranges")}
        assert said == {"ETag": etag, "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes"}
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Length"] == str(len(body))
    for known in ({"If__None__Match": etag}, {"If__Modified__Since": modified}):
        answer = behind.get(f"/packages/{name}", **known)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert behind.get(f"/packages/{name}", If__None__Match='"other"').content == body
    assert behind.get(f"/packages/{name}", If__Match=etag).content == body


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_a_part_of_a_file_is_that_part(behind: Behind, name: str) -> None:
    body = (behind.packages / name).read_bytes()
    whole = behind.get(f"/packages/{name}")
    validators = (whole.headers["ETag"], whole.headers["Last-Modified"])

    parts = [behind.get(f"/packages/{name}", Range=f"bytes={part}") for part in ("5-99", "-40", "100-")]
    same = [behind.get(f"/packages/{name}", Range="bytes=5-99", If__Range=one) for one in validators]
    other = behind.get(f"/packages/{name}", Range="bytes=5-99", If__Range='"other"')
    beyond = behind.get(f"/packages/{name}", Range="bytes=9999999-")

    assert [part.status_code for part in (*parts, *same)] == [206] * 5
    assert [part.content for part in parts] == [body[5:100], body[-40:], body[100:]]
    assert parts[0].headers["Content-Range"] == f"bytes 5-99/{len(body)}"
    assert {part.headers["ETag"] for part in parts} == {whole.headers["ETag"]}
    assert [part.content for part in same] == [body[5:100]] * 2
    assert (other.status_code, other.content) == (200, body)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(body)}")


def test_a_page_is_not_sent_twice(behind: Behind) -> None:
    page = behind.get("/simple/acme-core/")

    again = behind.get("/simple/acme-core/", If__None__Match=page.headers["ETag"])

    assert (page.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/simple", "/simple/"),
        ("/simple/Acme.Core/", "/simple/acme-core/"),
        ("/acme-core", "/simple/acme-core/"),
        ("/pypi/Acme.Core/json", "/pypi/acme-core/json"),
    ],
)
def test_a_redirect_stays_below_the_prefix(behind: Behind, path: str, target: str) -> None:
    answer = behind.get(path)

    assert answer.is_redirect
    location = urljoin(behind.url + path, answer.headers["Location"])
    assert location == behind.url + target


def test_beside_the_prefix_there_is_nothing_but_the_way_to_it(behind: Behind) -> None:
    root = behind.url.removesuffix("/pypi")
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(behind.authority.ca)
        beside = [
            session.get(root + path, timeout=60, allow_redirects=False)
            for path in ("/simple/", "/pypix", "/pypitool-files/" + SMALL)
        ]
        start = session.get(root + "/", timeout=60)

    assert [answer.status_code for answer in beside] == [404] * 3
    assert (start.status_code, start.url) == (200, behind.url + "/")


def test_nothing_forged_arrives(behind: Behind) -> None:
    secret = "/simple/acme-secret/"
    names = [{name: "root"} for name in ("Remoteuser", "remoteuser", "Remote-User", "Remote_User")]
    addresses = [{one: "10.9.9.9"} for one in spelled("X-Forwarded-For")] + [{"Forwarded": "for=10.9.9.9"}]
    page = behind.get("/").text
    elsewhere = [{one: "evil.example"} for one in spelled("X-Forwarded-Host")]
    elsewhere += [{one: "http"} for one in spelled("X-Forwarded-Proto")]
    elsewhere += [{one: "/evil"} for one in spelled("X-Forwarded-Prefix")]

    let_in = {behind.ask("GET", secret, headers=one).status_code for one in names + addresses}
    pages = {behind.ask("GET", "/", headers=one).text for one in elsewhere}

    assert let_in == {401}
    assert f"{behind.url}/simple/" in page
    assert pages == {page}


def test_nothing_forged_arrives_by_http_2_either(behind: Behind, proxy: ShippedProxy) -> None:
    headers = ["remoteuser: root", "forwarded: for=10.9.9.9"]
    headers += [f"{one.lower()}: 10.9.9.9" for one in spelled("X-Forwarded-For")]
    words = ["curl", "-sS", "--http2", "--cacert", str(behind.authority.ca), "-o", "/dev/null"]
    words += ["-w", "%{http_code} %{http_version}", f"{behind.url}/simple/acme-secret/"]

    said = {subprocess.check_output([*words, "-H", header], text=True) for header in headers}

    # Of Apache's modules for it there is none in the file.
    assert said == {"401 1.1" if proxy is APACHE else "401 2"}


def spelled(name: str) -> list[str]:
    words = name.split("-")
    return [
        words[0] + "".join(mark + word for mark, word in zip(marks, words[1:], strict=True))
        for marks in product("-_", repeat=len(words) - 1)
    ]


def test_the_doctor_finds_nothing_forged(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in behind.trusting.items():
        monkeypatch.setenv(name, value)
    with redirect_stdout(io.StringIO()) as told:
        main(
            ["--config", str(behind.config), "doctor", "--json", "--packages", str(behind.packages),
             "--through", behind.url + "/"]
        )  # fmt: skip
    findings = json.loads(told.getvalue())["findings"]

    assert [one["id"] for one in findings if one["id"] == "header-forged" or one["severity"] == "error"] == []


def test_the_server_knows_who_asked(behind: Behind) -> None:
    parts = urlsplit(behind.url)
    context = ssl.create_default_context(cafile=str(behind.authority.ca))
    port, source = parts.port or 443, ("127.0.0.77", 0)
    with closing(HTTPSConnection("localhost", port, source_address=source, context=context)) as asked:
        asked.request("GET", "/pypi/simple/", headers={"X-Forwarded-For": "10.9.9.9"})
        answer = asked.getresponse()
        listed = answer.read()

    wait_until(lambda: "127.0.0.77" in behind.server.log, what="the log has the address of the client")
    assert (answer.status, b"acme-core" in listed, b"acme-secret" in listed) == (200, True, False)
    assert "10.9.9.9" not in behind.server.log


@pytest.mark.parametrize("proxy", [NGINX], ids=str, indirect=True)
def test_nginx_sends_the_files_itself_and_the_server_says_which(behind: Behind) -> None:
    secret = behind.get("/packages/acme_secret-1.0-py3-none-any.whl")
    sent = behind.get(f"/packages/{LARGE}")

    assert (secret.status_code, sent.status_code) == (401, 200)
    assert "X-Accel-Redirect" not in sent.headers
    # The log is written in batches; of what nginx sends it has no size.
    line = f'"GET /pypi/packages/{LARGE} HTTP/1.1" 200 0 '
    wait_until(lambda: line in behind.server.log, what="the answer without a body is logged")


@pytest.mark.slow
def test_three_hundred_megabytes_go_up_and_come_down_as_they_were(behind: Behind, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, size=300_000_000)
    trusting = [
        "--silent",
        "--show-error",
        "--fail",
        "--cacert",
        str(behind.authority.ca),
        "--max-time",
        "300",
    ]
    fields = {":action": "file_upload", "name": "acme-new", "version": "3.0", "filetype": "bdist_wheel"}
    form = [word for name, value in fields.items() for word in ("--form", f"{name}={value}")]
    form += ["--form", f"content=@{wheel}", "--form", "metadata_version=2.1"]

    refused = ["-sS", "-w", "%{http_code}", "-o", "/dev/null", "-H", "Expect:", *trusting[2:], "-u", "ann:x"]
    wrong = subprocess.run(["curl", *refused, *form, behind.url + "/"], capture_output=True, text=True)
    subprocess.run(["curl", *trusting, "--user", ":".join(ANN), *form, behind.url + "/"], check=True)
    url = f"{behind.url}/packages/{wheel.name}"
    digest = sha256()
    with subprocess.Popen(["curl", *trusting, url], stdout=subprocess.PIPE) as down:
        assert down.stdout is not None
        while piece := down.stdout.read(1 << 20):
            digest.update(piece)

    assert wrong.stdout == "401", wrong.stderr
    assert down.returncode == 0
    assert digest.hexdigest() == sha256_of(wheel)


def wheel_of(folder: Path, *, size: int) -> Path:
    """Write a wheel that is that large, stored and not compressed, piece by piece."""
    small = build_wheel(folder / "small", "acme-new", "3.0")
    wheel = folder / small.name
    shutil.copy(small, wheel)
    piece = random.Random(1).randbytes(1_000_000)
    with zipfile.ZipFile(wheel, "a") as archive, archive.open("acme_new.bin", "w") as member:
        for _ in range(size // len(piece)):
            member.write(piece)
    return wheel


def sha256_of(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def test_an_upload_beyond_the_limit_of_the_proxy_says_whose_it_is(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    places = Places(folder, free_port(), free_port(), folder / "packages", make_authority(folder))
    wheel = build_wheel(tmp_path, "acme-new", "1.0", extra_files={"x.bin": NOISE})

    with replace_in(NGINX, "client_max_body_size 0;", "client_max_body_size 1m;").running(places) as url:
        words = ["upload", "--url", url + "/", "--ca", str(places.authority.ca), "-u", "ann", str(wheel)]
        known = {"PYPITOOL_PASSWORD": "of-ann"}
        said = Client.beside_us(tmp_path).fail("pypitool", *words, environment=known)

    assert "HTTP 413, said by nginx" in said
    assert "`client_max_body_size` of nginx" in said


def replace_in(proxy: ShippedProxy, line: str, other: str) -> ShippedProxy:
    return replace(proxy, replaced=lambda places: {**proxy.replaced(places), line: other})
