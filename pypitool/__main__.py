"""The program: `sync --locked` is answered at once where nothing has changed; else the command line runs."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

# Nearly everything that a command makes lives to its end: to look for circles of garbage at each 700 objects,
# as Python does by itself, takes a tenth of a start.
_GARBAGE_AFTER = 50_000


def program() -> int:
    """Be the process of one command, from its first object to its last."""
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        return main()
    finally:
        # Python would look through everything once more, and give back piece by piece what ends with us.
        gc.freeze()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = _fast_answer(arguments) if "--locked" in arguments else None
    if code is not None:
        return code
    from pypitool.cli.main import run

    return run(arguments)


def _fast_answer(arguments: Sequence[str]) -> int | None:
    from pypitool.mirror.fast_answer import fast_answer

    try:
        return fast_answer(arguments, os.environ)
    except BrokenPipeError:
        from pypitool.cli.main import reader_gone

        return reader_gone()


if __name__ == "__main__":
    sys.exit(program())
