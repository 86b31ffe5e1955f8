"""`pypitool config`: what is configured, and whether it is right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.config.loader import Loaded
    from pypitool.config.settings import Settings
    from pypitool.config.upstream_tables import RemoteSettings, UpstreamSettings


@click.group(
    "config",
    cls=Group,
    examples=("pypitool config check", "pypitool config show --origin"),
)
def config_command() -> None:
    """Check and show the configuration."""


@config_command.command(
    "check",
    examples=("pypitool config check", "pypitool config check --config ./config.toml --json"),
    exits={8: "something is wrong: every fault is named"},
)
@click.pass_obj
def check(invocation: Invocation) -> None:
    """Read the configuration as the server would, and name every fault.

    The files, the PYPITOOL_ variables and what they demand of each other are all looked at, and when they are
    right, the files that upstreams and remotes name: authorities, passwords and tokens. A password whose
    variable is not set is a warning: it may be set where the jobs run. So are a user in a rule whom the
    password file does not have, and rules with addresses that clients behind a proxy may forge. Nor does a
    server start where a package directory is missing, or its state is another's or lies elsewhere.
    """
    from pypitool.config.faults import refusal
    from pypitool.config.secrets import unreadable, unset
    from pypitool.config.settings import forwarding_notices

    loaded = invocation.load()
    elsewhere: list[UpstreamSettings | RemoteSettings]
    elsewhere = [*loaded.settings.upstreams, *loaded.settings.remotes]
    if faults := tuple(unreadable(elsewhere)):
        raise refusal(faults)
    output = Output(invocation)
    output.notices(loaded.notices)
    for fault in unset(elsewhere, invocation.environ):
        output.warning(str(fault))
    output.notices(_unknown_users(loaded.settings))
    output.notices(forwarding_notices(loaded.settings))
    output.notices(_missing_places(loaded, invocation.environ))
    files = [str(file) for file in loaded.files]
    if invocation.json:
        output.document({"files": files, "faults": []})
    else:
        output.done(f"{', '.join(files) or 'no configuration file'}: nothing is wrong")


def _missing_places(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[str]:
    """Look where the server would: warn about directories that are missing, refuse a state as it would."""
    from pypitool.repository.state import survey

    server, is_default = loaded.settings.server, loaded.origins["server.packages"].is_default
    missing = [root for root in server.packages if not root.is_dir()]
    if not missing:
        found = survey(server.packages, server.state, environ)
        found.refuse()
        if found.adopts:
            yield f"the next start takes over what was decided in {found.second}, for {found.asked.directory}"
    elif not is_default:
        yield from (f"the package directory {root} does not exist" for root in missing)


def _unknown_users(settings: Settings) -> Iterator[str]:
    """Warn about users in rules whom the password file does not have, where it has them all."""
    auth = settings.auth
    if not (settings.rules or settings.groups) or auth.passwords is None or auth.header is not None:
        return
    from pypitool.access.htpasswd import accounts
    from pypitool.access.password_errors import PasswordFileUnreadable
    from pypitool.access.rules import unknown_users
    from pypitool.core.text import did_you_mean

    try:
        known = [account.user for account in accounts(auth.passwords)]
    except PasswordFileUnreadable as error:
        yield str(error)
        return
    for name in unknown_users(settings, known):
        yield f"a rule or a group names `{name}`: there is no such user{did_you_mean(name, known)}"


@config_command.command(
    "show",
    examples=("pypitool config show --origin", "pypitool config show --json"),
)
@option("--origin", is_flag=True, help="Say where each value came from.")
@click.pass_obj
def show(invocation: Invocation, origin: bool) -> None:
    """Show the settings that count, as TOML.

    Secrets are masked. With --json each value comes with its origin. Where no rule is written, those that
    authenticate and passwords stand for are shown at the end.
    """
    from pypitool.access.rules import rules_of
    from pypitool.config.display import settings_document, settings_text

    loaded = invocation.load()
    rules = rules_of(loaded.settings)
    output = Output(invocation)
    output.notices(loaded.notices)
    if invocation.json:
        output.document({**settings_document(loaded), "rules": rules.documents()})
        return
    output.text(settings_text(loaded, origins=origin))
    if rules.is_short:
        output.text("\n# The rules that authenticate and passwords stand for:")
        for rule in rules.documents():
            output.text(f"# [[rule]]\n# who = {json.dumps(rule['who'])}\n# may = {json.dumps(rule['may'])}")
