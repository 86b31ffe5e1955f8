"""`pypitool audit`: who decided what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_repository
from pypitool.cli.output import Output, load_and_warn
from pypitool.cli.remote import managed, on_server

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from pypitool.manage.audit import AuditRecord

_HEADINGS = ("When", "What", "Who", "From", "Project", "Version", "Details")
_DOWNLOAD_HEADINGS = ("When", "File", "Who", "From", "With", "Status", "Bytes")


@click.group(
    "audit",
    cls=Group,
    invoke_without_command=True,
    examples=("pypitool audit --since 7d", "pypitool audit --project acme-core --user deploy --json"),
)
@option("--since", metavar="TIME", help="Only what is younger: a time, or a duration such as 7d.")
@option("--project", metavar="PROJECT", help="Only what is about this project.")
@option(
    "--user", metavar="WHO", help="Only what this one did: NAME, token:NAME, publisher:NAME or local:NAME."
)
@on_packages
@on_server
@click.pass_context
def audit_command(ctx: click.Context, since: str | None, project: str | None, user: str | None) -> None:
    """Show who decided what and when, oldest first.

    Uploads, deletions, yanks, states, owners, users and tokens. In a pipe there is one line for each, with
    tabs: time, what, who, from which address, project, version, and what else there is to say.
    """
    if ctx.invoked_subcommand is not None:
        return

    from pypitool.core.audit_query import time_text
    from pypitool.manage.audit import AuditRecord

    invocation = ctx.ensure_object(Invocation)
    begin = None if since is None else time_text(since, datetime.now(timezone.utc))
    with managed(invocation, _local_record) as there:
        lines = there.run(AuditRecord.lines, begin, project, user).document
        _show_lines(Output(invocation), lines, _HEADINGS, _row)


@contextmanager
def _local_record(invocation: Invocation) -> Iterator[AuditRecord]:
    from pypitool.manage.audit import AuditRecord, holds

    def is_held(project: NormalizedName, version: str) -> bool:
        with open_repository(invocation, reader_only=True) as repository:
            return holds(repository.catalogue, project, version)

    state, logs = _existing_state(invocation), invocation.load().settings.server.download_log
    yield AuditRecord(state, lambda one: Output(invocation).warning(str(one)), logs, is_held)


def _existing_state(invocation: Invocation) -> Path | None:
    """Return where the state lies, None for nowhere yet; nothing is made or written."""
    from pypitool.repository.state import find_state
    from pypitool.repository.state_errors import PackagesMissing

    loaded = load_and_warn(invocation)
    server = loaded.settings.server
    state = find_state(server.packages, server.state, invocation.environ)
    missing = [root for root in server.packages if not root.is_dir()]
    if state is None and missing:
        raise PackagesMissing(missing[0])
    return state


def _show_lines(output: Output, lines: Iterable[dict[str, Any]], headings: tuple[str, ...], row: Any) -> None:
    """Print lines of a record: as they are for programs, in a table for people."""
    if not output.invocation.json:
        output.table(headings, map(row, lines))
        return
    for line in lines:
        output.line(json.dumps(line))


# What has a column of its own, and what says nothing to people.
_IN_COLUMNS = frozenset(
    {"v", "at", "what", "who", "from", "with", "project", "version", "sha256", "upload_time", "origin"}
)
_UNDONE = "undone"


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    columns = ("what", "who", "from", "project", "version")
    details = [f"{key}={_word(value)}" for key, value in line.items() if key not in {*_IN_COLUMNS, _UNDONE}]
    if _UNDONE in line:
        details.append("(did not come about)")
    return str(line.get("at", ""))[:19], *(str(line.get(key, "")) for key in columns), " ".join(details)


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@audit_command.command(
    "downloads",
    examples=("pypitool audit downloads acme-core 1.1", "pypitool audit downloads acme-core 1.1 --json"),
    exits={
        5: "there is no such release, and the log knows nothing of it either",
        8: "there is no download log, or the configuration is wrong",
    },
)
@click.argument("project")
@click.argument("version")
@on_packages
@on_server
@click.pass_obj
def downloads(invocation: Invocation, project: str, version: str) -> None:
    """Show who got the files of a release, and since when that is known.

    Oldest first. The server keeps the log with `download-log`. In a pipe there is one line for each download,
    with tabs: time, file, who, from which address, with which program, status, bytes. The first day counts
    from when the log was begun.
    """
    from pypitool.manage.audit import AuditRecord

    with managed(invocation, _local_record) as there:
        *found, summary = there.run(AuditRecord.downloads, project, version).document
    output = Output(invocation)
    _show_lines(output, found, _DOWNLOAD_HEADINGS, _download_row)
    since = summary["since"]
    if invocation.json:
        output.line(json.dumps(summary))
    else:
        output.line("nothing was downloaded yet" if since is None else f"complete since {since}")


def _download_row(line: dict[str, Any]) -> tuple[str, ...]:
    columns = ("file", "who", "from", "agent", "status", "bytes")
    return str(line.get("at", ""))[:19], *(str(line.get(key, "")) for key in columns)
