"""Everything that is wrong with files is said before anything is sent, and all of it."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest

from pypitool.core.errors import exit_code
from pypitool.upload.check_files import Checked, NotUploadable, check
from pypitool.upload.named_files import named_files
from pypitool.upstream.upstream_errors import Stopped
from tests.support.wheels import Release, build_sdist, build_wheel, wheel_bytes

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
REST = "Acme\n====\n\n.. code:: python\n\n   pass\n"
METADATA = "Metadata-Version: 2.1\nName: acme-core\nVersion: 1.0\n{lines}\n\n{readme}"


def checked(*paths: Path, readme: bool = True) -> Checked:
    return check(named_files(map(str, paths)), readme=readme)


def faults_of(*paths: Path, readme: bool = True) -> list[str]:
    with pytest.raises(NotUploadable) as refused:
        checked(*paths, readme=readme)
    assert exit_code(refused.value) == 1
    return [f"{Path(fault.file).name}: {fault.reason}" for fault in refused.value.faults]


def wheel_with(directory: Path, readme: str, *lines: str, name: str = "acme-core") -> Path:
    text = METADATA.format(lines="\n".join(lines), readme=readme).replace("acme-core", name)
    return build_wheel(directory, name, "1.0", metadata=text.encode())


def test_files_without_a_fault_are_ready_to_be_sent(tmp_path: Path) -> None:
    wheel, sdist = build_wheel(tmp_path, "acme-core", "1.0"), build_sdist(tmp_path, "acme-core", "1.0")

    found = checked(wheel, sdist)

    assert [package.name for package in found.packages] == [wheel.name, sdist.name]
    assert found.packages[0].digests.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert ("sha256_digest", found.packages[0].digests.sha256) in found.packages[0].fields
    assert found.warnings == ("acme-core 1.0 has no README",)


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    good = wheel_with(tmp_path, REST)
    truncated = build_wheel(tmp_path, "cut", "1.0")
    truncated.write_bytes(truncated.read_bytes()[:-30])
    renamed = build_wheel(tmp_path, "other", "1.0", filename="renamed-1.0-py3-none-any.whl")
    bare = build_sdist(tmp_path, "bare", "1.0", metadata=b"")
    egg = tmp_path / "egg-1.0-py3.8.egg"
    egg.write_bytes(b"PK")
    text = tmp_path / "notes.txt"
    text.write_text("notes")
    bad_metadata = wheel_with(tmp_path, "", "Requires-Python: soon", name="soon")
    bad_readme = wheel_with(tmp_path, ".. nonsense::\n", name="nonsense")
    unreadable = tmp_path / "gone-1.0.tar.gz"

    faults = faults_of(good, truncated, renamed, bare, egg, text, bad_metadata, bad_readme, unreadable)

    assert len(faults) == 8
    assert faults[0] == "gone-1.0.tar.gz: there is no such file"
    told = {fault.partition(": ")[0]: fault.partition(": ")[2] for fault in faults}
    assert "truncated" in told[truncated.name] or "directory" in told[truncated.name]
    assert ".dist-info directory is `other-1.0" in told[renamed.name]
    assert "PKG-INFO" in told[bare.name]
    assert told[egg.name] == "only wheels and sdists (.tar.gz, .zip) are uploaded"
    assert told[text.name].startswith("it ends in none of")
    assert "its metadata is invalid" in told[bad_metadata.name]
    assert told[bad_readme.name] == 'its README does not render: line 2: Unknown directive type "nonsense".'


@pytest.mark.parametrize(
    ("content_type", "readme"),
    [
        ("text/x-rst", REST),
        ("text/x-rst; charset=UTF-8", REST),
        ("text/markdown", "# Acme\n\n```python\npass\n```\n"),
        ("text/markdown; variant=CommonMark", "# Acme\n"),
        ("text/plain", ".. nonsense::\n"),
    ],
)
def test_a_readme_is_rendered_by_its_type(tmp_path: Path, content_type: str, readme: str) -> None:
    wheel = wheel_with(tmp_path, readme, f"Description-Content-Type: {content_type}")

    assert checked(wheel).warnings == ()


def test_a_readme_need_not_be_looked_at(tmp_path: Path) -> None:
    assert checked(wheel_with(tmp_path, ".. nonsense::\n"), readme=False).packages


def test_a_wheel_and_its_sdist_lack_one_readme(tmp_path: Path) -> None:
    found = checked(build_wheel(tmp_path, "acme", "1.0"), build_sdist(tmp_path, "acme", "1.0"))

    assert found.warnings == ("acme 1.0 has no README",)
    assert checked(build_wheel(tmp_path, "acme", "1.0"), readme=False).warnings == ()


def test_signature_and_attestations_are_sent_along(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, REST)
    Path(f"{wheel}.asc").write_bytes(SIGNATURE)
    Path(f"{wheel}.publish.attestation").write_text('{"version": 1}')

    (package,) = checked(wheel).packages

    assert package.signature == SIGNATURE
    assert json.loads(dict(package.fields)["attestations"]) == [{"version": 1}]


def test_companions_that_are_none_are_faults(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, REST)
    Path(f"{wheel}.asc").write_bytes(b"\x88binary")
    Path(f"{wheel}.a.attestation").write_text("[]")
    Path(f"{wheel}.b.attestation").write_text("{")
    other = wheel_with(tmp_path, REST, name="other")
    Path(f"{other}.asc").write_bytes(SIGNATURE * 2000)

    assert faults_of(wheel, other) == [
        f"{wheel.name}.asc: it is no signature in armour (gpg --armor --detach-sign)",
        f"{wheel.name}.a.attestation: it is no JSON object",
        f"{wheel.name}.b.attestation: it is no JSON object",
        f"{other.name}.asc: it has more than 65,536 bytes",
    ]


def test_newer_metadata_is_a_warning(tmp_path: Path) -> None:
    release = Release("acme", "1.0", metadata_version="2.99", description=REST)
    wheel = tmp_path / "acme-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel_bytes(release))

    assert checked(wheel).warnings == (
        f"{wheel.name}: its metadata version 2.99 is newer than what can be checked here",
    )


def test_a_stop_ends_the_checks(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped):
        check(named_files([str(build_wheel(tmp_path, "acme", "1.0"))]), stop=stop)
