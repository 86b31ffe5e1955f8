"""The boundary of the command line: exceptions end here, as sentences and exit codes."""

from __future__ import annotations

import os
import sys

from pypitool.cli.failure import describe, report
from pypitool.cli.invocation import Invocation
from pypitool.cli.legacy import modern
from pypitool.cli.root import root


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    invocation = Invocation(line=tuple(arguments))
    try:
        return _run(arguments, invocation)
    except SystemExit as end:  # click ends so when the reader of our output went away
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        return reader_gone()
    except (Exception, KeyboardInterrupt) as error:
        # What stands after the faulty word was not parsed, but somebody wrote it.
        invocation.json = invocation.json or "--json" in arguments
        if invocation.debug or "--debug" in arguments:
            _print_traceback()
        failure = describe(error)
        report(failure, invocation)
        return failure.exit_code


def _run(arguments: list[str], invocation: Invocation) -> int:
    words, notice = modern(arguments)
    if notice:
        invocation.notices.append(notice)
    outcome = root.main(words, prog_name="pypitool", standalone_mode=False, obj=invocation)
    sys.stdout.flush()
    return outcome if isinstance(outcome, int) else 0


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def reader_gone() -> int:
    """End quietly: nobody reads what is printed."""
    # https://docs.python.org/3/library/signal.html#note-on-sigpipe: Python flushes again when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
