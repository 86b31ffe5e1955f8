"""The packages that the tests build are real ones."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tests.support.wheels import build_sdist, build_wheel


def test_a_wheel_is_a_sound_archive_with_readable_metadata(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "Acme.Core", "1.2.0", requires=["click>=8"], requires_python=">=3.8")

    with zipfile.ZipFile(wheel) as archive:
        broken = archive.testzip()
        metadata = Metadata.from_email(archive.read("acme_core-1.2.0.dist-info/METADATA"))

    assert wheel.name == "acme_core-1.2.0-py3-none-any.whl"
    assert broken is None
    assert (metadata.name, str(metadata.requires_python)) == ("Acme.Core", ">=3.8")
    assert [str(requirement) for requirement in metadata.requires_dist or ()] == ["click>=8"]


@pytest.mark.process
def test_pip_installs_the_wheel(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "acme-core", "1.2.0", extra_files={"acme_data/__init__.py": b""})
    target = tmp_path / "site"

    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", target, wheel]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)

    assert (target / "acme_core.py").read_text() == "version = '1.2.0'\n"
    assert (target / "acme_data" / "__init__.py").exists()


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"])
def test_the_same_arguments_give_the_same_sdist(tmp_path: Path, suffix: str) -> None:
    one = build_sdist(tmp_path / "one", "acme-core", "1.0", suffix=suffix)
    two = build_sdist(tmp_path / "two", "acme-core", "1.0", suffix=suffix)

    assert one.name == f"acme_core-1.0{suffix}"
    assert one.read_bytes() == two.read_bytes()
