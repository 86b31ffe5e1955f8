"""`pypitool audit`: who decided what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import on_packages, opened
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

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
@click.pass_context
def audit_command(ctx: click.Context, since: str | None, project: str | None, user: str | None) -> None:
    """Show who decided what and when, oldest first.

    Uploads, deletions, yanks, states, owners, users and tokens. In a pipe there is one line for each, with
    tabs: time, what, who, from which address, project, version, and what else there is to say.
    """
    if ctx.invoked_subcommand is not None:
        return
    from pypitool.auditing import audit_lines

    invocation = ctx.ensure_object(Invocation)
    output = Output(invocation)
    query = _query(since, project, user)
    state = existing_state(invocation)
    found = () if state is None else audit_lines(state, query, skipped=lambda one: output.warning(str(one)))
    show_lines(output, found, _HEADINGS, _row)


def existing_state(invocation: Invocation) -> Path | None:
    """Return where the state lies, None for nowhere yet; nothing is made or written."""
    from pypitool.state import PackagesMissing, find_state

    loaded = invocation.load()
    Output(invocation).notices((*invocation.notices, *loaded.notices))
    server = loaded.settings.server
    state = find_state(server.packages, server.state, invocation.environ)
    missing = [root for root in server.packages if not root.is_dir()]
    if state is None and missing:
        raise PackagesMissing(missing[0])
    return state


def show_lines(output: Output, lines: Iterable[dict[str, Any]], headings: tuple[str, ...], row: Any) -> None:
    """Print lines of a record: as they are for programs, in a table for people."""
    if not output.invocation.json:
        output.table(headings, map(row, lines))
        return
    for line in lines:
        output.line(json.dumps(line))


def _query(since: str | None, project: str | None, user: str | None) -> Any:
    from datetime import datetime, timezone

    from pypitool.core.audit import AuditQuery, moment, who_named
    from pypitool.core.names import normalize

    return AuditQuery(
        None if since is None else moment(since, datetime.now(timezone.utc)),
        None if project is None else normalize(project),
        None if user is None else who_named(user),
    )


# What has a column of its own, and what says nothing to people.
_IN_COLUMNS = frozenset(
    {"v", "at", "what", "who", "from", "with", "project", "version", "sha256", "upload_time", "origin"}
)


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    columns = ("what", "who", "from", "project", "version")
    details = [f"{key}={_word(value)}" for key, value in line.items() if key not in _IN_COLUMNS]
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
@click.pass_obj
def downloads(invocation: Invocation, project: str, version: str) -> None:
    """Show who got the files of a release, and since when that is known.

    Oldest first. The server keeps the log with `download-log`. In a pipe there is one line for each download, with tabs:
    time, file, who, from which address, with which program, status, bytes. The first day counts from when the
    log was begun.
    """
    from pypitool.core.names import normalize
    from pypitool.downloads import DownloadRecord, NoDownloadLog

    output = Output(invocation)
    state = existing_state(invocation)
    record = None if state is None else DownloadRecord(state)
    since = record and record.since
    if since is None and not invocation.load().settings.server.download_log:
        raise NoDownloadLog
    name = normalize(project)
    found = [] if record is None else list(record.lines(name, version, lambda one: output.warning(str(one))))
    if not found:
        _refuse_unknown(invocation, name, version)
    show_lines(output, found, _DOWNLOAD_HEADINGS, _download_row)
    if invocation.json:
        output.line(json.dumps({"type": "summary", "since": since, "count": len(found)}))
    else:
        output.line("nothing was downloaded yet" if since is None else f"complete since {since}")


def _download_row(line: dict[str, Any]) -> tuple[str, ...]:
    columns = ("file", "who", "from", "agent", "status", "bytes")
    return str(line.get("at", ""))[:19], *(str(line.get(key, "")) for key in columns)


def _refuse_unknown(invocation: Invocation, project: NormalizedName, version: str) -> None:
    from pypitool.core.grouping import by_release, spelling_of
    from pypitool.releases import NotHeld

    with opened(invocation, reader_only=True) as repository:
        known = repository.catalogue.project(project)
        if known is None or spelling_of(version, by_release(known.files)) is None:
            raise NotHeld(project, version)
