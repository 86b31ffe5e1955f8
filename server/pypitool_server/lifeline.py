"""A process that lost its parent ends itself: nobody else would replace it, or stop it."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 0.5
GRACE_SECONDS = 3.0


def hold(parent: int) -> None:
    """Watch from now on whether `parent` is still the parent of this process; end with it."""
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    # Polled: a pipe would be held open by brothers that were forked later, and prctl(PR_SET_PDEATHSIG)
    # follows the thread that forked, not its process.
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
