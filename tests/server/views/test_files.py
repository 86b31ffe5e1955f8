"""Files, their metadata and signatures: whole, in parts, known, changing, and many at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from pypitool.core.fact import Actor
from pypitool.core.model import Location, ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.contact import take_inbox
from pypitool.repository.releases import set_status
from pypitool.repository.repository import Repository
from pypitool_server.views.sent_bytes import FileChanging
from tests.server.site import Site, basic, make_site
from tests.support.wheels import build_wheel

WHEEL = "/packages/acme_core-1.0-py3-none-any.whl"
NAME = "acme_core-1.0-py3-none-any.whl"
LARGE = "/packages/large-1.0-py3-none-any.whl"


@pytest.fixture
def large(repository: Repository) -> Path:
    """A file that is too large to be answered at once."""
    return build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(300_000)})


@pytest.mark.parametrize(
    "path",
    [
        NAME,
        "acme_web-1.0+local.1-py3-none-any.whl",
        "old files/acme_core-1.0.tar.gz",
        "größe & #1/acme_core-4.0-py3-none-any.whl",
    ],
)
def test_a_file_is_served_as_it_is(site: Site, path: str) -> None:
    build_wheel(site.packages / "größe & #1", "acme-core", "4.0")
    site.scan()

    answer = site.get(f"/packages/{quote(path)}")

    assert answer.data == (site.packages / path).read_bytes()
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{Path(path).name}"'
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_large_file_is_served_whole(large: Path, repository: Repository) -> None:
    site = make_site(repository)

    answer = site.get(LARGE)

    assert answer.data == large.read_bytes()
    assert answer.content_length == large.stat().st_size
    assert site.seen[-1].size == large.stat().st_size


@pytest.mark.parametrize("path", [WHEEL, LARGE])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=-99999999", 0, None),
        ("bytes=5-99999999", 5, None),
    ],
)
def test_a_part_is_served(
    large: Path, repository: Repository, path: str, asked: str, start: int, stop: int | None
) -> None:
    site = make_site(repository)
    whole = (site.packages / path.removeprefix("/packages/")).read_bytes()

    answer = site.get(path, Range=asked)

    assert answer.status_code == 206
    assert answer.data == whole[start:stop]
    first = range(len(whole))[start]
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.data) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
@pytest.mark.parametrize("path", [WHEEL, LARGE])
def test_a_part_behind_the_end_is_refused_with_the_size(
    large: Path, repository: Repository, path: str, asked: str
) -> None:
    site = make_site(repository)
    size = (site.packages / path.removeprefix("/packages/")).stat().st_size

    answer = site.get(path, Range=asked)

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes=", "garbage", "bytes=a-b"]
)
def test_what_is_no_single_range_means_the_whole_file(site: Site, asked: str) -> None:
    answer = site.get(WHEEL, Range=asked)

    assert answer.status_code == 200
    assert answer.data == (site.packages / NAME).read_bytes()


def test_a_part_of_another_version_is_not_mixed_in(site: Site) -> None:
    etag = site.get(WHEEL).headers["ETag"]

    same = site.get(WHEEL, Range="bytes=0-9", If_Range=etag)
    other = site.get(WHEEL, Range="bytes=0-9", If_Range='"other"')

    assert same.status_code == 206
    assert other.status_code == 200
    assert len(other.data) == (site.packages / NAME).stat().st_size


@pytest.mark.parametrize("path", [WHEEL, LARGE, WHEEL + ".metadata"])
def test_a_known_file_is_not_sent_again(large: Path, repository: Repository, path: str) -> None:
    site = make_site(repository)
    first = site.get(path)

    by_etag = site.get(path, If_None_Match=first.headers["ETag"])
    by_date = site.get(path, If_Modified_Since=first.headers.get("Last-Modified", "garbage"))

    assert (by_etag.status_code, by_etag.data) == (304, b"")
    assert by_date.status_code == (304 if "Last-Modified" in first.headers else 200)


@pytest.mark.parametrize("path", [WHEEL, LARGE, WHEEL + ".metadata"])
def test_head_of_a_file_says_what_get_says(large: Path, repository: Repository, path: str) -> None:
    site = make_site(repository)

    got, asked = site.ask("GET", path), site.ask("HEAD", path, Range="bytes=0-9")

    assert asked.status_code == 200
    assert dict(asked.headers) == dict(got.headers)
    assert asked.data == b""


def test_metadata_is_what_the_wheel_holds(shared_site: Site) -> None:
    answer = shared_site.get(WHEEL + ".metadata")

    assert answer.text.splitlines()[:3] == ["Metadata-Version: 2.1", "Name: acme-core", "Version: 1.0"]


def test_a_signature_beside_a_file_is_served_and_is_no_file_of_its_own(site: Site) -> None:
    (site.packages / f"{NAME}.asc").write_bytes(b"-----BEGIN PGP SIGNATURE-----")
    site.scan()

    answer = site.get(WHEEL + ".asc")

    assert answer.data == b"-----BEGIN PGP SIGNATURE-----"
    assert answer.content_type == "application/octet-stream"
    assert b".asc" not in site.get("/simple/acme-core/").data


@pytest.mark.parametrize(
    "path",
    [
        "nothing-1.0-py3-none-any.whl",
        NAME + ".asc",
        NAME + ".metadata.metadata",
        "nothing-1.0-py3-none-any.whl.metadata",
        "README.txt",
        ".pypitool/catalogue.sqlite",
        "../state/catalogue.sqlite",
        "%2e%2e/state/catalogue.sqlite",
        "old files",
        "old files/",
        f"./{NAME}",
        f"/{NAME}",
        f"old files/../{NAME}",
    ],
)
def test_only_listed_files_are_served(site: Site, path: str) -> None:
    (site.packages / "README.txt").write_text("hello")

    assert site.get(f"/packages/{quote(path, safe='/%')}").status_code == 404


def test_max_age_is_told_where_it_is_configured(repository: Repository) -> None:
    plain, aged = make_site(repository), make_site(repository, cache_control=600)
    private = make_site(repository, authenticate=("download", "update"), cache_control=600)

    assert "Cache-Control" not in plain.get(WHEEL).headers
    assert aged.get(WHEEL).headers["Cache-Control"] == "public, max-age=600"
    assert aged.get("/simple/").headers["Cache-Control"] == "no-cache"
    answer = private.get(WHEEL, Authorization=basic())
    assert answer.headers["Cache-Control"] == "private, max-age=600"


@pytest.mark.parametrize("path", [WHEEL, LARGE])
def test_a_file_that_was_changed_in_place_is_not_served_until_it_was_read_again(
    large: Path, repository: Repository, path: str
) -> None:
    site = make_site(repository)
    file = site.packages / path.removeprefix("/packages/")
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    changed = bytearray(file.read_bytes())
    changed[40] ^= 1
    file.write_bytes(changed)
    os.utime(file, ns=times)  # same size, same time

    refused = site.get(path)
    asked = take_inbox(repository.files)

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert asked == {Location(0, file.name)}


def test_a_file_that_was_replaced_is_served_when_it_was_read_again(site: Site) -> None:
    file = site.packages / NAME
    build_wheel(site.packages / "elsewhere", "acme-core", "1.0", extra_files={"more.py": b"more"})
    shutil.copy(site.packages / "elsewhere" / NAME, file)
    shutil.rmtree(site.packages / "elsewhere")

    refused = site.get(WHEEL)
    site.scan()
    served = site.get(WHEEL)

    assert refused.status_code == 503
    assert served.data == file.read_bytes()


def test_a_body_breaks_off_when_its_file_is_overwritten_meanwhile(
    large: Path, repository: Repository
) -> None:
    site = make_site(repository)
    answer = site.client.get(LARGE, buffered=False)
    pieces = answer.iter_encoded()
    next(pieces)

    with large.open("r+b") as file:
        file.write(b"overwritten")

    with pytest.raises(Exception, match="is being replaced"):
        list(pieces)
    answer.close()


def link(file: Path) -> None:
    """What `cp -al` does to each file."""
    os.link(file, file.with_name(".backup"))


def set_mode(file: Path) -> None:
    """What `chmod -R` does to each file, `chown -R` in the same way."""
    file.chmod(0o600)


TOUCHES = pytest.mark.parametrize("touch", [link, set_mode])


@TOUCHES
@pytest.mark.parametrize("path", [WHEEL, LARGE])
@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=10-999"}], ids=["whole", "part"])
def test_a_file_that_a_backup_touched_is_served_on_and_looked_at_behind(
    large: Path, repository: Repository, touch: Callable[[Path], None], path: str, asked: dict[str, str]
) -> None:
    site = make_site(repository)
    file = site.packages / path.removeprefix("/packages/")
    touch(file)

    answer = site.get(path, **asked)

    assert answer.status_code == (206 if asked else 200)
    assert answer.data == (file.read_bytes()[10:1000] if asked else file.read_bytes())
    assert take_inbox(repository.files) == {Location(0, file.name)}


@TOUCHES
def test_a_download_goes_on_while_a_backup_touches_its_file(
    large: Path, repository: Repository, touch: Callable[[Path], None]
) -> None:
    site = make_site(repository)
    answer = site.client.get(LARGE, buffered=False)
    pieces = answer.iter_encoded()
    first = next(pieces)

    touch(large)
    body = b"".join((first, *pieces))
    answer.close()

    assert body == large.read_bytes()
    assert take_inbox(repository.files) == {Location(0, large.name)}


@pytest.mark.parametrize("sent_before", [1, 9, 25])
def test_a_download_of_a_file_that_is_replaced_or_deleted_is_sent_to_its_end(
    repository: Repository, sent_before: int
) -> None:
    large = build_large(repository, 1_000_000)
    body = large.read_bytes()
    site = make_site(repository)
    answer = site.client.get(LARGE, buffered=False)
    pieces = answer.iter_encoded()
    first = [next(pieces) for _ in range(sent_before)]

    other = large.with_name(".other")
    other.write_bytes(b"other bytes")
    other.replace(large)
    sent = b"".join((*first, *pieces))
    answer.close()

    assert sent == body


@pytest.mark.parametrize("changed_at", [0, 600_000, 1_990_000])
@pytest.mark.parametrize("sent_before", [0, 1, 9, 40])
def test_no_whole_body_of_mixed_bytes_is_sent_though_size_and_time_stand(
    repository: Repository, sent_before: int, changed_at: int
) -> None:
    large = build_large(repository, 2_000_000)
    body, times = large.read_bytes(), large.stat()
    site = make_site(repository)
    answer = site.client.get(LARGE, buffered=False)
    pieces = answer.iter_encoded()
    first = [next(pieces) for _ in range(sent_before)]

    with large.open("r+b") as file:
        file.seek(changed_at)
        file.write(b"overwritten")
    os.utime(large, ns=(times.st_atime_ns, times.st_mtime_ns))
    with suppress(FileChanging):
        first.extend(pieces)
    answer.close()

    sent = b"".join(first)
    assert sent == body or len(sent) < len(body)
    assert take_inbox(repository.files) == {Location(0, large.name)}


def test_a_look_behind_at_a_touched_file_changes_no_page(site: Site) -> None:
    file, serial = site.packages / NAME, site.repository.catalogue.serial()
    link(file)

    site.scan()
    take_inbox(site.repository.files)
    answer = site.get(WHEEL)

    assert site.repository.catalogue.serial() == serial
    assert answer.status_code == 200
    assert not take_inbox(site.repository.files)


def build_large(repository: Repository, size: int) -> Path:
    """Build a file that is hashed while it is sent, and not before."""
    return build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(size)})


def test_downloads_take_only_their_share_of_the_threads(large: Path, repository: Repository) -> None:
    site = make_site(repository, threads=16)
    downloads = [site.client.get(LARGE) for _ in range(4)]

    refused = site.client.get(LARGE)
    meanwhile = site.get("/simple/").status_code, site.get(WHEEL).status_code
    for download in downloads:
        download.close()
    again = site.client.get(LARGE)

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert meanwhile == (200, 200)
    assert again.status_code == 200
    again.close()


def test_a_download_that_is_given_up_closes_its_file(large: Path, repository: Repository) -> None:
    site = make_site(repository)
    before = os.listdir("/proc/self/fd")

    for _ in range(20):
        site.client.get(LARGE).close()

    assert len(os.listdir("/proc/self/fd")) <= len(before) + 1


def test_behind_nginx_the_body_is_left_to_it(large: Path, repository: Repository) -> None:
    site = make_site(repository, accel_redirect="/internal")

    answer = site.get("/packages/old%20files/acme_core-1.0.tar.gz", Range="bytes=0-9", If_None_Match='"x"')

    assert answer.status_code == 200
    assert answer.data == b""
    assert answer.headers["X-Accel-Redirect"] == "/internal/old%20files/acme_core-1.0.tar.gz"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme_core-1.0.tar.gz"'


def test_conditions_that_nginx_would_judge_by_its_own_etag_are_judged_here(
    large: Path, repository: Repository
) -> None:
    site = make_site(repository, accel_redirect="/internal")
    etag = site.get(LARGE).headers["ETag"]
    modified = site.get(LARGE).headers["Last-Modified"]

    known = [site.get(LARGE, If_None_Match=etag), site.get(LARGE, If_Modified_Since=modified)]
    same = site.get(LARGE, If_Match=etag)

    assert [(answer.status_code, answer.headers["ETag"]) for answer in known] == [(304, etag)] * 2
    assert (same.status_code, same.data) == (200, large.read_bytes())
    assert not any("X-Accel-Redirect" in answer.headers for answer in (*known, same))


def test_an_engine_with_a_file_wrapper_gets_the_opened_file(large: Path, repository: Repository) -> None:
    site = make_site(repository)
    wrapped: list[int] = []

    def wrapper(file: object, size: int) -> list[bytes]:
        wrapped.append(file.fileno())  # type: ignore[attr-defined]
        body = file.read(1 << 20)  # type: ignore[attr-defined]
        file.close()  # type: ignore[attr-defined]
        return [body]

    answer = site.client.get(
        LARGE, headers={"Range": "bytes=5-99999"}, environ_overrides={"wsgi.file_wrapper": wrapper}
    )

    assert len(wrapped) == 1
    assert answer.data == large.read_bytes()[5:100_000]
    assert site.seen[-1].size == 99_995


def test_a_quarantined_file_is_refused_to_lock_files_too_and_comes_back(site: Site) -> None:
    project = normalize("acme-core")
    statuses = []
    for status in (ProjectStatus.QUARANTINED, ProjectStatus.ACTIVE):
        set_status(site.repository, project, status, "malware", Actor("local:root"))
        answer = site.get(WHEEL)
        metadata = site.get(f"{WHEEL}.metadata")
        statuses.append((answer.status_code, b"malware" in answer.data, metadata.status_code))

    assert statuses == [(403, True, 403), (200, False, 200)]
