"""pypi-server's flags that make no sense here: a unit or a cron line that has them must still work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from pypitool.cli.command import option
from pypitool.cli.invocation import Invocation

BACKEND = {"--backend": "files are found by events and kept in a catalogue"}


def accept_and_warn(flags: Mapping[str, str]) -> Callable[[Any], Any]:
    """Give a command flags that do nothing, with why."""

    def decorate(function: Any) -> Any:
        for flag, why in reversed(tuple(flags.items())):
            function = option(
                flag,
                metavar="TEXT",
                expose_value=False,
                callback=_warning(flag, why),
                topic="Accepted from pypi-server, without effect",
                help=f"{why[:1].upper()}{why[1:]}.",
            )(function)
        return function

    return decorate


def _warning(flag: str, why: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).notices.append(f"`{flag}` has no effect: {why}")

    return callback
