"""What uv itself does, tried: why `update` asks it as it does. A new uv that differs shows here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.offers import wheel
from tests.support.upstream import FakeUpstream

pytestmark = pytest.mark.process

UNIVERSAL = ("--universal", "--python-version", "3.10")
FEWEST = (*UNIVERSAL, "--fork-strategy", "fewest")
LOOSE = "botocore>=1.34.134\nurllib3>=1.26.18\n"
BEFORE = ("botocore==1.34.134", "urllib3==1.26.18")


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers = {
            "botocore": [
                wheel("botocore", "1.34.134", "urllib3<3"),
                wheel("botocore", "1.35.0", "urllib3<2"),
            ],
            "urllib3": [wheel("urllib3", "1.26.18"), wheel("urllib3", "2.6.0")],
            "modern": [
                wheel("modern", "1.0", requires_python=">=3.8"),
                wheel("modern", "2.0", requires_python=">=3.12"),
            ],
            "winlib": [wheel("winlib", "1.0"), wheel("winlib", "2.0", tags="cp312-cp312-win_amd64")],
        }
        yield upstream


def compiled(
    fake: FakeUpstream, folder: Path, loose: str, *options: str, before: tuple[str, ...] = ()
) -> list[str]:
    """Let uv resolve lines, with the pins of an existing output file; no lines: no solution."""
    (folder / "in.txt").write_text(loose)
    (folder / "out.txt").write_text("".join(f"{pin}\n" for pin in before))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    ended = subprocess.run(
        [find_uv_bin(), "pip", "compile", "in.txt", "-o", "out.txt", *options, "--no-header", "--no-annotate",
         "--quiet", "--no-config", "--no-build", "--no-python-downloads", "--python", sys.executable],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**environment, "UV_DEFAULT_INDEX": fake.url, "UV_CACHE_DIR": str(folder / "cache")},
    )  # fmt: skip
    if ended.returncode:
        assert "No solution found" in ended.stderr
        return []
    return (folder / "out.txt").read_text().splitlines()


def test_with_an_existing_output_file_and_no_upgrade_nothing_moves(
    fake: FakeUpstream, tmp_path: Path
) -> None:
    assert compiled(fake, tmp_path, LOOSE, *FEWEST, before=BEFORE) == list(BEFORE)


def test_with_upgrade_what_was_chosen_before_counts_for_nothing(fake: FakeUpstream, tmp_path: Path) -> None:
    upgraded = compiled(fake, tmp_path, LOOSE, *FEWEST, "--upgrade", before=BEFORE)

    assert upgraded == compiled(fake, tmp_path, LOOSE, *FEWEST) == ["botocore==1.35.0", "urllib3==1.26.18"]


def test_a_named_project_moves_and_the_others_keep_their_pins(fake: FakeUpstream, tmp_path: Path) -> None:
    moved = compiled(fake, tmp_path, LOOSE, *FEWEST, "--upgrade-package", "urllib3", before=BEFORE)

    assert moved == ["botocore==1.34.134", "urllib3==2.6.0"]


def test_for_all_platforms_a_project_gets_two_pins_unless_the_fewest_are_asked_for(
    fake: FakeUpstream, tmp_path: Path
) -> None:
    assert compiled(fake, tmp_path, "modern>=1.0\n", *UNIVERSAL) == [
        "modern==1.0 ; python_full_version < '3.12'",
        "modern==2.0 ; python_full_version >= '3.12'",
    ]
    assert compiled(fake, tmp_path, "modern>=1.0\n", *FEWEST) == ["modern==1.0"]


def test_a_release_with_nothing_but_a_wheel_for_windows_is_chosen_for_everybody(
    fake: FakeUpstream, tmp_path: Path
) -> None:
    assert compiled(fake, tmp_path, "winlib>=1.0\n", *FEWEST) == ["winlib==2.0"]


def test_a_directory_as_a_whole_has_no_solution(fake: FakeUpstream, tmp_path: Path) -> None:
    # Two applications, each with what it wants, which nobody ever installs together.
    fake.index.offers["one"] = [wheel("one", "1.0", "urllib3<2")]
    fake.index.offers["two"] = [wheel("two", "1.0", "urllib3>=2")]

    assert compiled(fake, tmp_path, "one>=1.0\ntwo>=1.0\nurllib3>=1.26.18\n", *FEWEST) == []


def test_a_release_that_needs_what_nobody_has_is_passed_over(fake: FakeUpstream, tmp_path: Path) -> None:
    fake.index.offers["alpha"] = [wheel("alpha", "1.0"), wheel("alpha", "1.1", "newdep>=1")]

    assert compiled(fake, tmp_path, "alpha>=1.0\n", *FEWEST) == ["alpha==1.0"]
