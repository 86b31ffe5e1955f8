"""`pypitool doctor`: what is wrong, or will be soon."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output
from pypitool.cli.settings_options import setting_option
from pypitool.config.kinds import url
from pypitool.config.values import BadValue

if TYPE_CHECKING:
    from pypitool.doctor.finding import Finding


def _address(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else url(value)
    except BadValue as fault:
        raise click.BadParameter(str(fault), ctx, parameter) from None


@command(
    "doctor",
    examples=(
        "pypitool doctor",
        "pypitool doctor --ask-upstream --json",
        "pypitool doctor --through https://pypi.acme.example/",
    ),
    exits={1: "something does not work", 3: "there are warnings, and nothing worse"},
)
@option(
    "--ask-upstream", is_flag=True,
    help="Ask upstream whether it has our own names: what was uploaded and no private glob holds.",
)  # fmt: skip
@option(
    "--through", metavar="URL", callback=_address,
    help="Send headers as a client would forge them to the server at its proxy; tell which arrive.",
)  # fmt: skip
@setting_option("auth.passwords", topic="Where")
@on_packages
@click.pass_obj
def doctor_command(invocation: Invocation, ask_upstream: bool, through: str | None) -> int:
    """Look for what is wrong, or will be soon, and say what to do.

    Directories, disks, the catalogue, the keeper, passwords, rules, tokens, the certificate, the clock, the
    upstreams, the units of systemd and the last runs. Nothing is written, and each request ends after five
    seconds. A faulty configuration is a finding too: the rest is looked at with what can be read of it.
    In a pipe there is one line for each finding, with tabs: severity, id, subject, what, why, what to do.
    """
    from pypitool.doctor.context import Context
    from pypitool.doctor.examine import examine
    from pypitool.doctor.finding import document_of, exit_code_of

    loaded, faults = invocation.load_readable()
    output = Output(invocation)
    output.notices((*invocation.notices, *loaded.notices))
    now = datetime.now(timezone.utc)
    makes_packages = loaded.origins["server.packages"].is_default
    context = Context(loaded.settings, faults, invocation.environ, now, ask_upstream, through, makes_packages)
    examination = examine(context)
    for sentence in examination.unseen:
        output.warning(sentence)
    if invocation.json:
        output.document(document_of(examination.findings))
    else:
        output.paragraphs(map(_row, examination.findings), _PARAGRAPH)
        if not examination.findings:
            output.done("nothing is wrong")
    return exit_code_of(examination.findings)


# Six columns of sentences need more room than a terminal has. No line is broken, so commands can be copied.
_PARAGRAPH = "{}: {}: {}\n  {}\n  why: {}\n  do:  {}"


def _row(finding: Finding) -> tuple[str, ...]:
    return finding.severity.value, finding.id, finding.subject, finding.what, finding.why, finding.do
