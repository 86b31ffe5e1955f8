"""One run of the program: what its global options say, and the configuration that follows from them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypitool.config.faults import ConfigFault
    from pypitool.config.job_tables import Operands
    from pypitool.config.loader import Loaded


@dataclass(slots=True)
class Invocation:
    """What was asked for besides the command. Filled by the options wherever they stand."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    line: tuple[str, ...] = ()  # as it was typed
    operands: Operands | None = None  # reads the command lines of jobs; None: they are taken as they are
    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    debug: bool = False
    color: str = "auto"
    flags: dict[str, Any] = field(default_factory=dict)  # values by the path of their key
    server: dict[str, Any] = field(default_factory=dict)  # which one elsewhere is meant, and as whom
    notices: list[str] = field(default_factory=list)
    job: str | None = None  # of the schedule, which runs this
    stop: threading.Event | None = None  # set when it is to end; None: signals decide

    def load(self) -> Loaded:
        """Read the configuration; the same again after SIGHUP."""
        from pypitool.config.loader import load_settings

        return load_settings(self.flags, self.environ, self.config, operands=self.operands)

    def load_readable(self) -> tuple[Loaded, tuple[ConfigFault, ...]]:
        """Read what can be read of the configuration, and return its faults as well."""
        from pypitool.config.loader import load_settings

        faults: list[ConfigFault] = []
        loaded = load_settings(
            self.flags, self.environ, self.config, operands=self.operands, tolerated=faults
        )
        return loaded, tuple(faults)

    def colored(self, stream: Any) -> bool:
        """Tell whether a stream gets colours: https://no-color.org counts, and a terminal that cannot."""
        if self.color != "auto":
            return self.color == "always"
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        return not plain and stream.isatty()

    def shows_progress(self) -> bool:
        """Tell whether somebody watches who wants to see it move."""
        unwanted = self.quiet or self.json or self.environ.get("PYPITOOL_NO_PROGRESS")
        return not unwanted and sys.stderr.isatty()
