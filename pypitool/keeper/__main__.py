"""`python -m pypitool.keeper`: the keeper as a process of its own, which ends when its parent does."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pypitool.core.errors import PypitoolError, exit_code
from pypitool.keeper.keeper import RESCAN, Keeper
from pypitool.repository.repository import Repository

_log = logging.getLogger("pypitool.keeper")


class _OneLine(logging.Formatter):
    """Whoever reads our lines takes each for a record: the name of a file must not begin one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = record.message.replace("\n", "\\n").replace("\r", "\\r")
        return super().formatMessage(record)


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep until SIGTERM, SIGINT, or the end of the parent."""
    options = _parser().parse_args(arguments)
    to_parent = logging.StreamHandler(sys.stderr)
    to_parent.setFormatter(_OneLine("%(levelname)s %(message)s"))
    logging.basicConfig(handlers=[to_parent], level=options.log_level.upper())
    # It would log each event of a log that lies in a watched directory, which is the next event.
    logging.getLogger("watchdog").setLevel(logging.INFO)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked.set())

    def stop() -> bool:
        return asked.is_set() or (options.parent is not None and os.getppid() != options.parent)

    try:
        reserve = options.reserve_deleted
        with Repository.open(options.roots, options.state, reserve_deleted=reserve) as repository:
            Keeper(repository, rescan=options.rescan, passwords=options.passwords).run(stop)
    except PypitoolError as error:
        _log.error("%s", error)
        return exit_code(error)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pypitool.keeper", description=__doc__)
    parser.add_argument("roots", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--passwords", type=Path, help="end the tokens of users who are gone from this file")
    parser.add_argument(
        "--reserve-deleted", action="store_true", help="list no other bytes under a deleted name"
    )
    parser.add_argument("--parent", type=int, help="end when this process is no longer our parent")
    parser.add_argument("--rescan", type=float, default=RESCAN, help="seconds between two walks")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
