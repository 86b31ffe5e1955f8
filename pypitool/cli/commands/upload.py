"""`pypitool upload`: what twine does, for our server and for any other index."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_options import gathered
from pypitool.cli.mirror_run import stop_on_signals, transfer_progress
from pypitool.cli.output import Output, load_and_warn, log_to_stderr
from pypitool.cli.prompt import login_prompt, password_line
from pypitool.core.errors import Kind
from pypitool.core.event_document import document
from pypitool.core.text import short_size
from pypitool.core.upload.addresses import WhereTo

if TYPE_CHECKING:
    from pypitool.core.upload.credential_choice import Credentials
    from pypitool.core.upload.plan import UploadEvent, UploadPlanned, UploadSummary
    from pypitool.upload.check_files import Checked
    from pypitool.upload.credentials import Login
    from pypitool.upload.destination import Destination
    from pypitool.upload.upload_files import Order

_WHERE, _WHO, _WHAT, _HOW = "Where to", "As whom", "What", "How"


@dataclass(frozen=True, slots=True)
class HowTo:
    """How they go."""

    skip_existing: bool = False
    jobs: int = 4
    dry_run: bool = False


def where_to(function: Any) -> Any:
    """Give a command the options that say where files go; it gets them as `where`."""
    return gathered(
        function,
        "where",
        WhereTo,
        option("--url", topic=_WHERE, metavar="URL",
               help="Upload to this address, as it is.  [env var: PYPITOOL_URL, TWINE_REPOSITORY_URL]"),
        option("-r", "--repository", topic=_WHERE, metavar="NAME",
               help="Upload to `[remote.NAME]` of the configuration, or to this section of the .pypirc; "
               "default: the only remote.  [env var: PYPITOOL_REPOSITORY, TWINE_REPOSITORY]"),
        option("--index-url", topic=_WHERE, metavar="URL",
               help="Ask this simple index what is there already; default: the one beside the uploads."),
        option("--pypirc", type=click.Path(path_type=Path), topic=_WHERE, metavar="FILE",
               help="Read the sections of this file.  [default: ~/.pypirc]"),
        option("--ca", type=click.Path(path_type=Path), topic=_WHERE, metavar="FILE",
               help="Trust these authorities, PEM.  [env var: PYPITOOL_CA, TWINE_CERT]"),
    )  # fmt: skip


def how_to(function: Any) -> Any:
    """Give a command the options that say how files go; it gets them as `how`."""
    return gathered(
        function,
        "how",
        HowTo,
        option("--skip-existing", is_flag=True, topic=_HOW,
               help="Send only what is not there; the same name with other bytes is a conflict."),
        option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, topic=_HOW,
               metavar="NUMBER", help="Send so many files at once."),
        option("-n", "--dry-run", is_flag=True, topic=_HOW,
               help="Check the files, ask what is there with --skip-existing, and send nothing."),
    )  # fmt: skip


@command(
    "upload",
    examples=(
        "pypitool upload --url https://pypi.acme.example/ dist/*",
        "pypitool upload --repository acme --skip-existing dist/*",
    ),
    exits={
        1: "a file cannot be uploaded (then nothing was sent), or was refused",
        3: "",
        4: "",
        5: "there is nothing that takes uploads at the address",
        6: "it exists with other bytes",
        7: "",
    },
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@where_to
@option(
    "-u",
    "--username",
    topic=_WHO,
    metavar="NAME",
    help="Log in as this user.  [env var: PYPITOOL_USERNAME, TWINE_USERNAME]",
)
@option(
    "--password-stdin",
    is_flag=True,
    topic=_WHO,
    help="Read the password, or a token, from the first line of standard input.",
)
@option("--no-readme-check", is_flag=True, topic=_WHAT, help="Do not look whether READMEs render.")
@option("--no-attestations", is_flag=True, topic=_WHAT, help="Leave out attestations that lie beside a file.")
@how_to
@click.pass_obj
def upload_command(
    invocation: Invocation,
    files: tuple[str, ...],
    where: WhereTo,
    how: HowTo,
    username: str | None,
    password_stdin: bool,
    no_readme_check: bool,
    no_attestations: bool,
) -> int:
    """Upload wheels and sdists to an index.

    Every file is checked before anything is sent: its name, its archive and the metadata in it, and whether
    its README renders. The same bytes again are no failure; other bytes under the same name are a conflict.
    A signature (FILE.asc) and attestations (FILE.*.attestation) beside a file go along. A server of pypitool
    keeps the signature and drops the attestations: it has nobody to verify them.

    User and password are looked for in the address, in the options, in PYPITOOL_TOKEN, in PYPITOOL_USERNAME
    and PYPITOOL_PASSWORD, in TWINE_USERNAME and TWINE_PASSWORD, in the remote or the section, in a keyring,
    in netrc, and at last at the terminal. A token needs no user.
    """
    from pypitool.upload.credentials import Login
    from pypitool.upload.destination import find_destination
    from pypitool.upload.upload_files import Order

    if where.url and where.repository:
        raise click.UsageError("`--url` and `--repository` exclude each other")
    loaded = load_and_warn(invocation)
    with log_to_stderr(invocation):
        destination = find_destination(where, loaded.settings.remotes, invocation.environ)
        stop = invocation.stop or threading.Event()
        checked = _checked(files, stop, readme=not no_readme_check, attestations=not no_attestations)
        for warning in checked.warnings:
            Output(invocation).warning(warning)
        order = Order(destination, skip_existing=how.skip_existing, dry_run=how.dry_run, jobs=how.jobs)
        if how.skip_existing or not how.dry_run:
            login = Login(username, _password_line() if password_stdin else None)
            order = replace(order, credentials=_credentials(invocation, destination, login))
        Output(invocation).detail(f"to {destination.address}")
        summary = _uploaded(invocation, order, checked, stop)
    UploadOutput(invocation).summary(summary)
    return summary.exit_code


def _checked(words: Sequence[str], stop: threading.Event, *, readme: bool, attestations: bool) -> Checked:
    from pypitool.upload.check_files import check
    from pypitool.upload.named_files import named_files
    from pypitool.upstream.upstream_errors import Stopped

    with stop_on_signals(stop):
        try:
            return check(named_files(words, attestations=attestations), readme=readme, stop=stop)
        except Stopped:
            raise KeyboardInterrupt from None  # nothing was begun of which a summary could tell


def _credentials(invocation: Invocation, destination: Destination, login: Login) -> Credentials | None:
    from pypitool.upload.credentials import CredentialSources

    sources = CredentialSources(
        url=destination.url,
        environ=invocation.environ,
        login=login,
        remote=destination.remote,
        section=destination.section,
        twine=True,
    )
    return sources.credentials(login_prompt())


def _uploaded(invocation: Invocation, order: Order, checked: Checked, stop: threading.Event) -> UploadSummary:
    from pypitool.upload.upload_files import upload

    with stop_on_signals(stop), transfer_progress(invocation) as progress:

        def report(event: UploadEvent | UploadPlanned) -> None:
            with progress.aside():
                UploadOutput(invocation).event(event)

        return upload(order, checked.packages, report, progress=progress, stop=stop)


def _password_line() -> str:
    password = password_line()
    if not password:
        raise click.UsageError("standard input has no password")
    return password


_HINTS = {
    Kind.UNAUTHORIZED: "give a user with `-u` and a password with `--password-stdin`, or a token in "
    "PYPITOOL_TOKEN; `pypitool upload --help` names every other place",
    Kind.CONFLICT: "what is published stays as it is: give other bytes another version",
}


@dataclass(frozen=True, slots=True)
class UploadOutput:
    """Writes the events of an upload: results on stdout, talk on stderr."""

    invocation: Invocation

    def event(self, event: UploadEvent | UploadPlanned) -> None:
        """Write one event, if anybody wants to see it."""
        from pypitool.core.upload.plan import UploadEvent

        if self.invocation.json:
            click.echo(json.dumps(document(event)))
        elif isinstance(event, UploadEvent):
            self._file(event)
        elif not self.invocation.quiet:
            self._out.line(f"{event.action} {event.name}")

    def summary(self, summary: UploadSummary) -> None:
        """Write how it ended."""
        if self.invocation.json:
            click.echo(json.dumps(summary.as_json()))
        elif not self.invocation.quiet:
            self._out.line(_line(summary))
            by_kind = (text for kind, text in _HINTS.items() if kind in summary.tally.kinds)
            for hint in (*by_kind, *sorted(summary.tally.hints)):
                self._out.done(f"hint: {hint}")

    @property
    def _out(self) -> Output:
        return Output(self.invocation)

    def _file(self, event: UploadEvent) -> None:
        if event.message is not None:
            self._out.log("error", f"{event.name}: {event.message}")
        elif event.outcome == "kept":
            self._out.done(f"kept {event.name}: it is there already, with the same bytes")
        else:
            self._out.done(f"{event.outcome} {event.name} ({short_size(event.bytes)})")


def _line(summary: UploadSummary) -> str:
    tally = summary.tally
    counts = f"{tally.uploaded} uploaded, {tally.kept} kept, {tally.failed} failed"
    amount = f", {short_size(tally.bytes)}" if tally.bytes else ""
    interrupted = ", interrupted" if summary.interrupted else ""
    return f"upload: {counts}{amount} in {summary.seconds:.1f} s{interrupted}"
