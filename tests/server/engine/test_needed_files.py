"""What a server says of files and directories that it cannot use."""

from __future__ import annotations

from pathlib import Path

from pypitool.config.loader import load_settings
from pypitool.core.errors import PypitoolError
from pypitool_server.engine.needed_files import misplaced
from tests.support.disks import make_read_only, mounted_disk


def faults(root: Path) -> list[PypitoolError]:
    settings = load_settings({"server.packages": (root,)}, {}).settings
    return [error for _, error in misplaced(settings, [root], lambda: True)]


def test_a_disk_that_is_read_only_is_not_a_matter_of_owners(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        make_read_only(disk)
        (fault,) = faults(disk)

    assert str(fault) == f"cannot use {disk} for uploads: it cannot be written"
    assert fault.hint is not None
    assert f"ReadWritePaths={disk}" in fault.hint
    assert "chown" not in fault.hint


def test_a_directory_that_is_not_there_is_missing_also_below_others_that_are_not(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path / "a" / "b")

    assert str(fault) == f"the package directory {tmp_path / 'a' / 'b'} does not exist"
