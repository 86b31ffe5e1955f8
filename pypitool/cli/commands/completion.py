"""`pypitool completion`: what a shell needs to complete our command lines."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pypitool.cli.command import command

SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    examples=(
        "pypitool completion bash > /etc/bash_completion.d/pypitool",
        "pypitool completion fish > ~/.config/fish/completions/pypitool.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    Project names are completed from the local catalogue, never from the network.
    """
    kind = get_completion_class(shell)
    assert kind is not None, f"click completes {shell}"
    click.echo(kind(ctx.find_root().command, {}, "pypitool", "_PYPITOOL_COMPLETE").source())
