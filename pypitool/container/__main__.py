"""What is called `pypitool` in the image: it becomes who the container is, and then it is the program."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run one command as who the container is, and return its exit code."""
    if os.getpid() == 1:
        # A signal for which process 1 has no handler is dropped, and `docker stop` would wait for nothing. A
        # command that has its own way to end says so later; therefore nothing else is imported before.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    from pypitool.container.become import become, state_is_mounted
    from pypitool.core.container import environment
    from pypitool.core.errors import PypitoolError

    try:
        # Process 1, or the child of an init that is; `docker exec` has its parent outside.
        become(serves=1 in (os.getpid(), os.getppid()))
        environ = environment(os.environ, state_is_mounted=state_is_mounted())
    except PypitoolError as error:
        from pypitool.cli.main import refuse

        return refuse(error)
    os.environ.clear()
    os.environ.update(environ)
    # In this process: another start of Python would be a quarter of the time to the first answer.
    from pypitool.__main__ import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
