"""Which file system holds a path, and whether other machines may write to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.host import file_system, is_network

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /proc rw - proc proc rw
40 22 0:40 / /srv rw,relatime shared:9 - nfs4 nas:/srv rw,vers=4.2
41 40 8:1 / /srv/local rw - xfs /dev/sdb rw
42 22 0:42 / /mnt/with\\040space rw shared:3 master:1 - fuse.sshfs nas:/ rw
43 22 0:43 / /mnt/merged rw - fuse.mergerfs a:b rw
44 22 8:2 / /data rw - ext4 /dev/sdc rw
45 44 0:45 / /data rw - cifs //nas/data rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/packages", "ext4"),
        ("/srv/packages", "nfs4"),
        ("/srvx", "ext4"),
        ("/srv/local/packages", "xfs"),
        ("/mnt/with space/a", "fuse.sshfs"),
        ("/data", "cifs"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_last_mount(path: str, expected: str) -> None:
    assert file_system(Path(path), MOUNTS) == expected


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.s3fs"])
def test_file_systems_of_other_machines_are_networks(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.mergerfs", ""])
def test_file_systems_of_this_machine_are_none(kind: str) -> None:
    assert not is_network(kind)
