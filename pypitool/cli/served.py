"""What the server of a command line serves: for who finds it running, and was not there when it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pypitool.cli.pypiserver import modern
from pypitool.cli.root import ALIASES, command_names, parsed_line

if TYPE_CHECKING:
    from pypitool.config.faults import ConfigFault
    from pypitool.config.settings import Settings


def settings_of_server(words: Sequence[str], environ: Mapping[str, str]) -> Settings | None:
    """Return the settings of the server that a command line starts; None: it is for something else."""
    line, _ = modern(words)
    known = {*command_names(), *ALIASES}
    place = next((place for place, word in enumerate(line) if word in known), None)
    if place is None or ALIASES.get(line[place], line[place]) != "serve":
        return None
    context = parsed_line([line[place], *line[:place], *line[place + 1 :]])
    # A configuration that is wrong by now is not what it was started with: what is right in it counts.
    faults: list[ConfigFault] = []
    from pypitool.config.loader import load_settings

    settings = load_settings(context.obj.flags, environ, context.obj.config, tolerated=faults).settings
    directories = context.params["directories"]
    return (
        replace(settings, server=replace(settings.server, packages=directories)) if directories else settings
    )
