"""Uploads: what is taken, what is refused with which words, and that nothing is left of the refused."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from werkzeug.test import TestResponse

from pypitool.config.rights_tables import AuthSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.model import OriginKind, ProjectStatus
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool_server.app import create_app
from pypitool_server.services import Services
from pypitool_server.views.upload import ADDRESSES
from tests.support.accounts import write_htpasswd
from tests.support.disks import make_read_only, mounted_disk
from tests.support.forms import Body, multipart, recorded, recorded_names, upload_form
from tests.support.wheels import Release, sdist_bytes, tar_bytes, wheel_bytes, zip_bytes

WHEEL = "acme_core-1.0-py3-none-any.whl"
SDIST = "acme_core-1.0.tar.gz"
RELEASE = Release("acme-core", "1.0")
BYTES = wheel_bytes(RELEASE)
OTHER_BYTES = wheel_bytes(RELEASE, extra_files={"more.py": b"more = 1\n"})
OPEN = AuthSettings(authenticate=())
NOTHING: Mapping[str, str] = {}
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@dataclass(frozen=True)
class Server:
    """An application over a directory of its own."""

    client: FlaskClient
    repository: Repository
    packages: Path

    def post(
        self,
        body: Body,
        path: str = "/",
        *,
        headers: Mapping[str, str] = NOTHING,
        environ: Mapping[str, object] = NOTHING,
    ) -> TestResponse:
        return self.client.post(
            path,
            data=body.data,
            content_type=body.content_type,
            headers=dict(headers),
            environ_overrides=dict(environ),
        )

    def upload(self, filename: str, content: bytes, **change: str | None) -> TestResponse:
        return self.post(upload_form(filename, content, change=change))

    @property
    def files(self) -> dict[str, bytes]:
        """Everything that uploads made in the directory: also what was left where files arrive."""
        paths = [*self.packages.glob("[!.]*/**/*"), *self.packages.glob("**/incoming/*")]
        return {
            str(path.relative_to(self.packages)): path.read_bytes()
            for path in [*self.packages.glob("[!.]*"), *paths]
            if path.is_file()
        }

    @property
    def listed(self) -> list[str]:
        """The files that the page of `acme-core` shows."""
        page = self.client.get(
            "/simple/acme-core/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
        )
        return [file["filename"] for file in page.json["files"]] if page.json else []


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start applications with other settings; they are closed at the end."""
    opened: list[Services] = []

    def started(*, auth: AuthSettings = OPEN, **changed: object) -> Server:
        packages = tmp_path / "packages"
        packages.mkdir(exist_ok=True)
        fixed = {"packages": (packages,), "state": tmp_path / "state", "disable_fallback": True}
        configured = replace(ServerSettings(), **fixed, **changed)  # type: ignore[arg-type]
        app = create_app(Settings(server=configured, auth=auth))
        parts: Services = app.extensions["pypitool"]
        opened.append(parts)
        return Server(app.test_client(), parts.repository, packages)

    yield started
    for parts in opened:
        parts.repository.close()
        parts.access.close()


@pytest.fixture
def server(start: Start) -> Server:
    return start()


@pytest.mark.parametrize("name", recorded_names())
def test_what_every_client_sends_is_taken(server: Server, name: str) -> None:
    answer = server.post(recorded(name))

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["X-Pypitool-Outcome"] == "created"
    page = server.client.get("/simple/acme-demo/")
    assert page.status_code == 200
    assert len(server.files) == 1


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_upload_address_is_taken_without_a_redirect(server: Server, path: str) -> None:
    answer = server.post(upload_form(WHEEL, BYTES), path)

    assert answer.status_code == 200
    assert server.files == {WHEEL: BYTES}


def test_an_upload_to_the_mount_point_needs_no_slash(start: Start) -> None:
    server = start(server_base_url="/pypi/")

    answer = server.post(upload_form(WHEEL, BYTES), "/pypi")

    assert (answer.status_code, server.files) == (200, {WHEEL: BYTES})


def test_an_upload_is_listed_and_served_when_the_answer_comes(server: Server) -> None:
    scan_if_alone(server.repository)
    before = server.client.get("/simple/acme-core/").status_code

    server.upload(WHEEL, BYTES)

    assert before == 404
    assert server.listed == [WHEEL]
    assert server.client.get(f"/packages/{WHEEL}").data == BYTES
    assert server.client.get(f"/packages/{WHEEL}.metadata").data == RELEASE.metadata()


def test_an_sdist_is_taken(server: Server) -> None:
    assert server.upload(SDIST, sdist_bytes(RELEASE)).status_code == 200
    assert server.listed == [SDIST]


def test_the_uploader_is_recorded(start: Start, tmp_path: Path) -> None:
    passwords = write_htpasswd(tmp_path / "htpasswd", {"deploy": "secret"})
    server = start(auth=AuthSettings(passwords=passwords))

    answer = server.post(upload_form(WHEEL, BYTES), headers=basic(), environ={"REMOTE_ADDR": "10.0.0.7"})

    assert answer.status_code == 200
    held = server.repository.catalogue.file_at(WHEEL)
    assert held is not None
    assert (held.origin.kind, held.origin.detail) == (OriginKind.UPLOADED, "user:deploy")
    [fact] = server.repository.facts.replay()
    assert (fact.what, fact.filename, fact.sha256) == ("upload", WHEEL, hashlib.sha256(BYTES).hexdigest())
    assert (fact.actor.who, fact.actor.address, fact.actor.means) == ("user:deploy", "10.0.0.7", "password")


def test_with_an_open_index_any_credentials_are_accepted_and_none_is_believed(server: Server) -> None:
    for user, password in [("", ""), ("root", "wrong")]:
        answer = server.post(upload_form(WHEEL, BYTES), headers=basic(user, password))
        assert answer.status_code == 200

    [fact] = server.repository.facts.replay()
    assert fact.actor.who == "anonymous"


def test_the_same_bytes_again_change_nothing(server: Server) -> None:
    server.upload(WHEEL, BYTES)
    serial = server.repository.catalogue.serial()

    answer = server.upload(WHEEL, BYTES)

    assert answer.status_code == 200
    assert answer.headers["X-Pypitool-Outcome"] == "unchanged"
    assert server.repository.catalogue.serial() == serial


def test_second_upload_with_different_bytes_is_refused(server: Server) -> None:
    server.upload(WHEEL, BYTES)

    answer = server.upload(WHEEL, OTHER_BYTES)

    assert answer.status_code == 409
    assert answer.text.startswith(f"File already exists: `{WHEEL}`")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert server.files == {WHEEL: BYTES}


def test_another_spelling_of_the_same_file_is_the_same_name(server: Server) -> None:
    server.upload(SDIST, sdist_bytes(RELEASE))
    other = "Acme.Core-1.0.0.tar.gz"

    same = server.upload(other, sdist_bytes(RELEASE))
    different = server.upload(other, sdist_bytes(Release("acme-core", "1.0", summary="another")))

    assert (same.status_code, same.headers["X-Pypitool-Outcome"]) == (200, "unchanged")
    assert different.status_code == 409
    assert server.listed == [SDIST]


def test_overwriting_replaces_a_file_where_the_server_allows_it(start: Start) -> None:
    server = start(overwrite=True)
    server.upload(WHEEL, BYTES)

    answer = server.upload(WHEEL, OTHER_BYTES)

    assert (answer.status_code, answer.headers["X-Pypitool-Outcome"]) == (200, "replaced")
    assert server.client.get(f"/packages/{WHEEL}").data == OTHER_BYTES
    assert [fact.what for fact in server.repository.facts.replay()] == ["upload", "overwrite"]


def test_a_file_in_a_folder_has_its_name_too(server: Server) -> None:
    folder = server.packages / "team"
    folder.mkdir()
    (folder / WHEEL).write_bytes(BYTES)
    scan_if_alone(server.repository)

    same, other = server.upload(WHEEL, BYTES), server.upload(WHEEL, OTHER_BYTES)

    assert same.headers["X-Pypitool-Outcome"] == "unchanged"
    assert other.status_code == 409
    assert server.files == {f"team/{WHEEL}": BYTES}


MD5 = hashlib.md5(BYTES).digest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("md5_digest", MD5.hex()),
        ("md5_digest", base64.b64encode(MD5).decode()),
        ("blake2_256_digest", hashlib.blake2b(BYTES).hexdigest()),
        ("sha256_digest", hashlib.sha256(BYTES).hexdigest().upper()),
        ("sha256_digest", "UNKNOWN"),
        ("sha256_digest", None),
        ("metadata_version", None),
        ("metadata_version", "2.9"),
        ("name", "Acme_Core"),
        ("name", None),
        ("version", "1.0.0"),
        ("filetype", None),
        ("requires_python", "UNKNOWN"),
        ("attestations", "[]"),
    ],
)
def test_what_clients_leave_out_or_write_in_their_own_way_is_taken(
    server: Server, field: str, value: str | None
) -> None:
    assert server.upload(WHEEL, BYTES, **{field: value}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sha256_digest", "0" * 64, "sha256_digest"),
        ("blake2_256_digest", "0" * 64, "blake2_256_digest"),
        ("blake2_256_digest", "0" * 128, "blake2_256_digest"),
        ("md5_digest", "0" * 32, "md5_digest"),
        ("md5_digest", base64.b64encode(bytes(16)).decode(), "md5_digest"),
        ("sha256_digest", "nonsense", "sha256_digest"),
        ("name", "acme-other", "acme-other"),
        ("version", "2.0", "2.0"),
        ("filetype", "sdist", "sdist"),
        ("protocol_version", "2", "protocol"),
    ],
)
def test_a_form_that_speaks_of_another_file_is_refused(
    server: Server, field: str, value: str, words: str
) -> None:
    answer = server.upload(WHEEL, BYTES, **{field: value})

    assert answer.status_code == 400
    assert words in answer.text
    assert WHEEL in answer.text
    assert server.files == {}


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        (WHEEL, b""),
        (WHEEL, BYTES[:-30]),
        (WHEEL, tar_bytes({"acme_core-1.0/PKG-INFO": RELEASE.metadata()})),
        (WHEEL, zip_bytes({"acme_core.py": b""})),
        (WHEEL, wheel_bytes(Release("acme-other", "1.0"))),
        (WHEEL, wheel_bytes(RELEASE, metadata=Release("acme-core", "2.0").metadata())),
        (WHEEL, wheel_bytes(RELEASE, metadata=b"\xff\xfe")),
        (WHEEL, wheel_bytes(RELEASE, without=["WHEEL"])),
        (WHEEL, wheel_bytes(RELEASE, without=["RECORD"])),
        (SDIST, BYTES),
        (SDIST, sdist_bytes(RELEASE)[:-10]),
        (SDIST, sdist_bytes(Release("acme-core", "3.0"))),
        ("acme_core-1.0.zip", b"not a zip"),
        ("acme_core-1.0.egg", b"not a zip"),
    ],
    ids=[
        "empty", "truncated", "tar as wheel", "no metadata", "another project", "another version",
        "no UTF-8", "no WHEEL", "no RECORD", "wheel as sdist", "truncated sdist", "another sdist", "no zip",
        "no egg",
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_its_name_says_is_refused(
    server: Server, filename: str, content: bytes
) -> None:
    answer = server.upload(filename, content)

    assert answer.status_code == 400
    assert filename in answer.text
    assert server.files == {}


@pytest.mark.parametrize(
    "filename",
    [
        "../acme_core-1.0.tar.gz", "/etc/acme_core-1.0.tar.gz", "a/acme_core-1.0.tar.gz",
        "..\\acme_core-1.0.tar.gz", ".acme_core-1.0.tar.gz", "acme_core-1.0.tar.gz.asc", "acme_core.tar.gz",
        "acme_core-1.0.deb", "acme\u00fc-1.0.tar.gz", "acme-1.0\x01.tar.gz", "a" * 300 + "-1.0.tar.gz", "",
        "README.txt", "acme_core-1.0-py3-none-any.whl.metadata", "acme core-1.0.tar.gz", "%2e%2e/x-1.0.zip",
    ],
)  # fmt: skip
def test_names_that_no_package_has_are_refused(server: Server, filename: str) -> None:
    fields = [(":action", "file_upload"), ("name", "acme-core"), ("version", "1.0")]

    answer = server.post(multipart(fields, [("content", filename, sdist_bytes(RELEASE))]))

    assert answer.status_code == 400
    assert server.files == {}


@pytest.mark.parametrize("field", ["file", "Content", "description", "content2"])
def test_a_file_under_another_field_is_refused(server: Server, field: str) -> None:
    answer = server.post(multipart([(":action", "file_upload")], [(field, WHEEL, BYTES)]))

    assert answer.status_code == 400
    assert field in answer.text


def test_two_files_in_one_form_are_refused(server: Server) -> None:
    files = [("content", WHEEL, BYTES), ("content", SDIST, sdist_bytes(RELEASE))]

    answer = server.post(multipart([(":action", "file_upload")], files))

    assert answer.status_code == 400
    assert server.files == {}


def test_a_signature_is_stored_beside_its_file(server: Server) -> None:
    answer = server.post(upload_form(WHEEL, BYTES, signature=(f"{WHEEL}.asc", b"-----BEGIN PGP")))

    assert answer.status_code == 200
    assert server.files == {WHEEL: BYTES, f"{WHEEL}.asc": b"-----BEGIN PGP"}
    assert server.client.get(f"/packages/{WHEEL}.asc").data == b"-----BEGIN PGP"
    assert "data-gpg-sig" in server.client.get("/simple/acme-core/").text


def test_a_signature_of_another_file_is_refused(server: Server) -> None:
    answer = server.post(upload_form(WHEEL, BYTES, signature=("other.asc", b"-----BEGIN PGP")))

    assert answer.status_code == 400
    assert f"{WHEEL}.asc" in answer.text
    assert server.files == {}


def test_an_endless_signature_is_refused(server: Server) -> None:
    answer = server.post(upload_form(WHEEL, BYTES, signature=(f"{WHEEL}.asc", b"x" * 100_000)))

    assert answer.status_code == 413
    assert server.files == {}


def test_attestations_are_taken_and_not_published(server: Server) -> None:
    server.upload(WHEEL, BYTES, attestations='[{"version":1}]')

    page = server.client.get("/simple/acme-core/", headers=JSON)

    assert page.json is not None
    assert page.json["files"][0]["provenance"] is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "missing `:action` field"),
        ([(":action", "")], "missing `:action` field"),
        ([(":action", "list_classifiers")], "unsupported `:action` field: list_classifiers"),
        ([(":action", "<b>\n")], "unsupported `:action` field: <b>\\n"),
        ([(":action", "file_upload")], "missing `content` file-field"),
        ([(":action", "doc_upload")], "missing `content` file-field"),
        ([(":action", "remove_pkg"), ("name", "acme-core")], "missing `name` or `version` field"),
    ],
)
def test_a_form_that_does_not_say_what_it_wants_is_refused(
    server: Server, fields: list[tuple[str, str]], words: str
) -> None:
    answer = server.post(multipart(fields))

    assert answer.status_code == 400
    assert answer.text.startswith(words)


@pytest.mark.parametrize("path", ["/", "/legacy/", "/simple/"])
@pytest.mark.parametrize("query", ["?:action=file_upload", "?%3Aaction=file_upload&x=1"])
def test_the_action_may_stand_in_the_address(server: Server, path: str, query: str) -> None:
    fields = [("name", "acme-core"), ("version", "1.0"), ("filetype", "bdist_wheel")]

    answer = server.post(multipart(fields, [("content", WHEEL, BYTES)]), path=path + query)

    assert (answer.status_code, answer.data) == (200, b"")
    assert list(server.files) == [WHEEL]


def test_the_action_of_the_form_counts_before_that_of_the_address(server: Server) -> None:
    server.upload(WHEEL, BYTES)
    fields = [(":action", "submit"), ("name", "acme-core"), ("version", "1.0")]

    answer = server.post(multipart(fields), path="/?:action=remove_pkg")

    assert answer.status_code == 200
    assert list(server.files) == [WHEEL]


@pytest.mark.parametrize("action", ["submit", "verify"])
def test_announcements_are_answered_and_ignored(server: Server, action: str) -> None:
    answer = server.post(multipart([(":action", action), ("name", "acme-core"), ("version", "1.0")]))

    assert (answer.status_code, answer.data) == (200, b"")


def test_documentation_is_checked_and_not_kept(server: Server) -> None:
    def send(content: bytes) -> int:
        fields = [(":action", "doc_upload"), ("name", "acme-core")]
        return server.post(multipart(fields, [("content", "acme-core.zip", content)])).status_code

    answers = [send(zip_bytes({"index.html": b""})), send(zip_bytes({"other.html": b""})), send(b"no zip")]

    assert answers == [200, 400, 400]
    assert server.files == {}


def remove(name: str, version: str) -> Body:
    return multipart([(":action", "remove_pkg"), ("name", name), ("version", version)])


def test_removing_takes_every_file_of_the_release_and_only_those(server: Server) -> None:
    server.post(upload_form(WHEEL, BYTES, signature=(f"{WHEEL}.asc", b"-----BEGIN PGP")))
    server.upload(SDIST, sdist_bytes(RELEASE))
    later = wheel_bytes(Release("acme-core", "1.0.1"))
    server.upload("acme_core-1.0.1-py3-none-any.whl", later)

    answer = server.post(remove("Acme_Core", "1.0.0"))

    assert (answer.status_code, answer.data) == (200, b"")
    assert server.files == {"acme_core-1.0.1-py3-none-any.whl": later}
    assert server.listed == ["acme_core-1.0.1-py3-none-any.whl"]


@pytest.mark.parametrize(("reserving", "status"), [(False, 200), (True, 400)])
def test_a_removed_name_is_free_unless_it_is_reserved(start: Start, reserving: bool, status: int) -> None:
    server = start(reserve_deleted=reserving)
    server.upload(WHEEL, BYTES)
    server.post(remove("acme-core", "1.0"))

    other = server.upload(WHEEL, OTHER_BYTES)
    server.post(remove("acme-core", "1.0"))
    same = server.upload(WHEEL, BYTES)

    assert (other.status_code, same.status_code) == (status, 200)
    assert "reserve-deleted" in other.text or not reserving


def test_removing_what_is_not_there_is_404(server: Server) -> None:
    server.upload(WHEEL, BYTES)

    answers = [server.post(remove("acme-core", "2.0")), server.post(remove("acme-other", "1.0"))]

    assert not any("pypitool list" in answer.text for answer in answers), "no command of this machine"

    assert [answer.status_code for answer in answers] == [404, 404]
    assert server.files == {WHEEL: BYTES}


def test_removing_also_works_from_a_urlencoded_form(server: Server) -> None:
    server.upload(WHEEL, BYTES)
    body = b"%3Aaction=remove_pkg&name=acme-core&version=1.0"

    answer = server.post(Body("application/x-www-form-urlencoded", body))

    assert answer.status_code == 200
    assert server.files == {}


@pytest.mark.parametrize("status", [ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED])
def test_a_closed_project_takes_no_uploads(server: Server, status: ProjectStatus) -> None:
    server.upload(WHEEL, BYTES)
    server.repository.catalogue.set_status(canonicalize_name("acme-core"), status, None)

    answer = server.upload(SDIST, sdist_bytes(RELEASE))

    assert answer.status_code == 403
    assert status.value in answer.text
    assert server.files == {WHEEL: BYTES}


def test_a_read_only_server_says_when_to_come_back(start: Start) -> None:
    server = start(read_only=True)

    answers = [server.upload(WHEEL, BYTES), server.post(remove("acme-core", "1.0"))]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert int(answers[0].headers["Retry-After"]) > 0


class Untouched(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def basic(user: str = "deploy", password: str = "secret") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_who_may_not_upload_is_told_before_the_body_is_read(start: Start, tmp_path: Path) -> None:
    passwords = write_htpasswd(tmp_path / "htpasswd", {"deploy": "secret"})
    server = start(auth=AuthSettings(passwords=passwords))

    answer = server.client.post(
        "/",
        content_type="multipart/form-data; boundary=x",
        headers={"Expect": "100-continue", **basic(password="wrong")},
        environ_overrides={"wsgi.input": Untouched(), "CONTENT_LENGTH": "1000000"},
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'
    assert answer.headers["Connection"] == "close"


def test_a_client_that_sends_without_asking_is_heard_out(start: Start) -> None:
    server = start(auth=AuthSettings())
    body = io.BytesIO(bytes(3_000_000))

    answer = server.client.post(
        "/", environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "3000000", "CONTENT_TYPE": "x/y"}
    )

    assert answer.status_code == 401
    assert "no password file" in answer.text
    assert body.tell() == 3_000_000


def test_a_file_beyond_the_limit_is_refused(start: Start) -> None:
    server = start(max_upload_size=1000)
    large = wheel_bytes(RELEASE, extra_files={"pad.py": bytes(range(256)) * 40})

    answer = server.upload(WHEEL, large)

    assert answer.status_code == 413
    assert WHEEL in answer.text
    assert server.files == {}


def test_a_body_that_announces_too_much_is_refused_unread(start: Start) -> None:
    server = start(max_upload_size=1000)

    answer = server.client.post(
        "/",
        content_type="multipart/form-data; boundary=x",
        headers={"Expect": "100-continue"},
        environ_overrides={"wsgi.input": Untouched(), "CONTENT_LENGTH": str(100 * 1024**2)},
    )

    assert answer.status_code == 413


@pytest.mark.parametrize("missing", [1, 5, 60, 500])
def test_a_body_that_is_cut_is_refused(server: Server, missing: int) -> None:
    body = upload_form(WHEEL, BYTES)

    cut = Body(body.content_type, body.data[:-missing])
    shorter = server.post(cut)
    lying = server.post(cut, environ={"CONTENT_LENGTH": str(len(body.data))})

    assert lying.status_code == 400
    assert shorter.status_code == (200 if missing == 1 else 400)
    assert server.files in ({}, {WHEEL: BYTES})


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "0x10", "9" * 5000, "12, 12"])
def test_a_length_that_is_no_number_is_refused(server: Server, length: str) -> None:
    answer = server.post(upload_form(WHEEL, BYTES), environ={"CONTENT_LENGTH": length})

    assert answer.status_code == 400
    assert server.files == {}


def test_a_chunked_body_has_no_length_and_beats_one_that_is_given(server: Server) -> None:
    body = upload_form(WHEEL, BYTES)

    answer = server.post(body, environ={**CHUNKED, "CONTENT_LENGTH": "7"})

    assert answer.status_code == 200
    assert server.files == {WHEEL: BYTES}


def test_an_empty_body_is_refused(server: Server) -> None:
    answer = server.post(Body("multipart/form-data; boundary=x", b""))

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost"},  # ours: a page of any site may call its host so
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_cannot_upload_or_remove(server: Server, headers: dict[str, str]) -> None:
    answer = server.post(upload_form(WHEEL, BYTES), headers=headers)
    server.upload(WHEEL, BYTES)
    removed = server.post(remove("acme-core", "1.0"), headers=headers)

    assert (answer.status_code, removed.status_code) == (403, 403)
    assert server.files == {WHEEL: BYTES}


def test_a_full_disk_is_507_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "packages", megabytes=2):
        server = start()
        large = wheel_bytes(RELEASE, extra_files={"pad.bin": hashlib.shake_128(b"").digest(3_000_000)})

        announced = server.upload(WHEEL, large)
        chunked = server.post(
            upload_form(WHEEL, large),
            environ={**CHUNKED, "CONTENT_LENGTH": ""},
        )
        small = server.upload(SDIST, sdist_bytes(RELEASE))

        assert [announced.status_code, chunked.status_code, small.status_code] == [507, 507, 200]
        assert list(server.files) == [SDIST]


def test_a_disk_without_a_single_free_byte_is_507_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "packages", megabytes=1):
        server = start()
        with suppress(OSError), (tmp_path / "packages" / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

        answers = [server.upload(WHEEL, BYTES), server.post(recorded("distutils-3.11-sdist"))]

        assert [answer.status_code for answer in answers] == [507, 507]
        assert list(server.files) == ["filler"]


def test_a_directory_that_became_read_only_is_503_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "packages", megabytes=4):
        server = start()
        server.upload(WHEEL, BYTES)
        make_read_only(tmp_path / "packages")

        answer = server.upload(SDIST, sdist_bytes(RELEASE))

        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
        assert list(server.files) == [WHEEL]


GOOD = upload_form(WHEEL, BYTES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damaged_upload_is_a_server_error_or_leaves_anything(server: Server, data: st.DataObject) -> None:
    body = bytearray(GOOD.data)
    for _ in range(data.draw(st.integers(1, 4))):
        start_at = data.draw(st.integers(0, len(body)))
        end = min(len(body), start_at + data.draw(st.integers(0, 40)))
        body[start_at:end] = data.draw(st.binary(max_size=20))

    answer = server.post(Body(GOOD.content_type, bytes(body)))

    assert answer.status_code < 500
    assert answer.status_code == 200 or WHEEL not in server.files or server.files[WHEEL] == BYTES
    assert set(server.files) <= {WHEEL}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from([":action", "name", "version", "md5_digest", "sha256_digest", "filetype"]),
            st.one_of(
                st.sampled_from(["file_upload", "remove_pkg", "submit", "1.0", "acme-core"]), st.text()
            ),
        ),
        max_size=8,
    )
)
def test_no_fields_are_a_server_error(server: Server, fields: list[tuple[str, str]]) -> None:
    safe = [(name, value.encode("utf-8", "replace").decode()) for name, value in fields]

    answer = server.post(multipart(safe, [("content", WHEEL, BYTES)]))

    assert answer.status_code < 500


MANY = "9" * 5000
ABSURD = pytest.mark.parametrize(
    "version", [MANY, f"1.{MANY}", f"{MANY}!1", f"1.0+{MANY}", f"1.0rc{MANY}"], ids=range(5)
)


@ABSURD
def test_a_wheel_of_a_version_of_thousands_of_digits_is_refused(server: Server, version: str) -> None:
    metadata = f"Metadata-Version: 2.1\nName: acme-core\nVersion: {version}\n".encode()

    answer = server.upload(WHEEL, wheel_bytes(RELEASE, metadata=metadata))

    assert answer.status_code == 400
    assert "its metadata names the version" in answer.text
    assert server.files == {}


@ABSURD
def test_an_sdist_of_a_version_of_thousands_of_digits_is_refused(server: Server, version: str) -> None:
    metadata = f"Metadata-Version: 2.1\nName: acme-core\nVersion: {version}\n".encode()

    answer = server.upload(SDIST, sdist_bytes(RELEASE, metadata=metadata))

    assert answer.status_code == 400
    assert server.files == {}


@ABSURD
def test_a_form_with_a_version_of_thousands_of_digits_is_refused(server: Server, version: str) -> None:
    assert server.post(upload_form(WHEEL, BYTES, change={"version": version})).status_code == 400


@ABSURD
def test_removing_a_version_of_thousands_of_digits_finds_nothing(server: Server, version: str) -> None:
    server.upload(WHEEL, BYTES)

    assert server.post(remove("acme-core", version)).status_code == 404


def test_a_python_of_thousands_of_digits_is_no_wish_of_a_page(server: Server) -> None:
    metadata = f"Metadata-Version: 2.1\nName: acme-core\nVersion: 1.0\nRequires-Python: >=3.{MANY}\n".encode()

    assert server.upload(WHEEL, wheel_bytes(RELEASE, metadata=metadata)).status_code == 200

    held = server.repository.catalogue.file_at(WHEEL)
    assert held is not None
    assert held.contents.requires_python is None
