"""What a shell is offered for a word: projects and releases of the catalogue, names of the configuration.

Nothing is scanned, asked for or written. What is wrong offers nothing, and is told when the command runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.local import open_repository
from pypitool.core.errors import PypitoolError

if TYPE_CHECKING:
    from pypitool.config.settings import Settings


def project_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a project from the catalogue as it is."""
    try:
        with open_repository(_silent(ctx), reader_only=True) as repository:
            names = repository.catalogue.project_names()
    except PypitoolError:
        return []
    return _beginning(names, incomplete.lower())


def versions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete a release of the project that stands before it."""
    from pypitool.core.names import normalize

    name = ctx.params.get("project")
    try:
        with open_repository(_silent(ctx), reader_only=True) as repository:
            project = repository.catalogue.project(normalize(name)) if name else None
            files = project.files if project is not None else ()
    except PypitoolError:
        return []
    return _beginning(dict.fromkeys(file.version for file in files), incomplete)


def set_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a set of the configuration."""
    return _beginning((one.name for one in _settings(ctx).sets), incomplete)


def target_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a target of the configuration."""
    return _beginning((one.name for one in _settings(ctx).targets), incomplete)


def job_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a job of the configuration."""
    return _beginning((one.name for one in _settings(ctx).jobs), incomplete)


def _settings(ctx: click.Context) -> Settings:
    return _silent(ctx).load_readable()[0].settings


def _silent(ctx: click.Context) -> Invocation:
    invocation = ctx.ensure_object(Invocation)
    invocation.quiet = True
    return invocation


def _beginning(words: Iterable[str], beginning: str) -> list[str]:
    return [word for word in words if word.startswith(beginning)]
