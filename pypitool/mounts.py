"""On what sort of file system a directory lies, by what Linux says of its mounts."""

from __future__ import annotations

from pathlib import Path

# SQLite's journal needs memory that is shared between processes, and locks that hold: file systems that
# other machines write to promise neither. By name and not by the magic of statfs: there every file system
# in user space is one and the same, be it on a local disk or sshfs.
# fmt: off
NETWORK_FILE_SYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "vboxsf",
})
NETWORK_FUSE = frozenset({
    "ceph", "cephfs", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "moosefs", "nfs",
    "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs", "vmhgfs-fuse",
})
# fmt: on


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a resolved path, by the text of `mountinfo`."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(_unescape(left.split(" ")[4]))
        # The last of equally deep ones: it was mounted over the others.
        if len(mount.parts) >= best and path.is_relative_to(mount):
            best, kind = len(mount.parts), right.split(" ")[0]
    return kind


def is_network(kind: str) -> bool:
    """Tell whether other machines may write to a file system of this type."""
    family, _, member = kind.partition(".")
    return kind in NETWORK_FILE_SYSTEMS or (family == "fuse" and member in NETWORK_FUSE)


def _unescape(text: str) -> str:
    # proc(5): space, tab, newline and backslash are written as octal escapes.
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
