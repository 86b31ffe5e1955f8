"""What is called `pypitool` in the image: it becomes who the container is, and then it is the program."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from pypitool.container.become import become, state_is_mounted
from pypitool.core.container import environment
from pypitool.core.errors import PypitoolError

# Process 1 is sent no signal that it has no handler for. What comes until there is one waits.
WAITING = (signal.SIGTERM, signal.SIGINT)


def main() -> NoReturn:
    """Begin the program as who the container is."""
    if os.getpid() == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITING)
    try:
        # Process 1, or the child of an init that is; `docker exec` has its parent outside.
        become(serves=1 in (os.getpid(), os.getppid()))
        environ = environment(os.environ, state_is_mounted=state_is_mounted())
    except PypitoolError as error:
        from pypitool.cli.main import refuse  # a start needs none of it

        sys.exit(refuse(error))
    # Anew, and not in this process: who has changed his user may not look at himself in /proc until then.
    program = Path(sys.executable).with_name("pypitool")
    os.execve(sys.executable, [sys.executable, str(program), *sys.argv[1:]], environ)


if __name__ == "__main__":
    main()
