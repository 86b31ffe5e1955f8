"""Who still writes: the only question that tells a half-copied file from a finished one for certain."""

from __future__ import annotations

import errno
import fcntl
import signal

_F_SETSIG = 10  # fcntl(2), Linux; not in the module `fcntl`
_SAYS_NOTHING = (errno.EACCES, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS)


class Writers:
    """Asks the kernel whether a file is open for writing, by a lease that is given back at once.

    "A read lease can be placed only on a file descriptor that is opened read-only", and only while nobody
    has the file open for writing: fcntl(2), F_SETLEASE. It is granted to the file's owner and to root.
    """

    def __init__(self) -> None:
        self._honest: set[int] = set()

    def of(self, descriptor: int, device: int) -> bool | None:
        """Tell whether somebody has the file open for writing; None: the system does not say."""
        if not hasattr(fcntl, "F_SETLEASE"):
            return None
        try:
            # Who opens the file in this very moment breaks the lease. The signal that tells us would end
            # the process; SIGURG is ignored unless somebody asked for it.
            fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            return self._refused(error, device)
        self._honest.add(device)
        return False

    def _refused(self, error: OSError, device: int) -> bool | None:
        if error.errno == errno.EAGAIN:
            # NFS and SMB say the same for want of a delegation: believed only where one was granted before.
            return True if device in self._honest else None
        if error.errno in _SAYS_NOTHING:
            return None
        raise error
