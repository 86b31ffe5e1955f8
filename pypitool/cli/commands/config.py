"""`pypitool config`: what is configured, and whether it is right."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.core.errors import PypitoolError
from pypitool.core.state_files import StateFiles

if TYPE_CHECKING:
    from pypitool.config.faults import ConfigFault
    from pypitool.config.loader import Loaded
    from pypitool.config.mirror_tables import SetSettings
    from pypitool.config.settings import Settings
    from pypitool.core.mirror.input_place import InputPlace
    from pypitool.repository.state import Survey


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
    """Read the configuration as server and jobs would, and name every fault.

    The files, the PYPITOOL_ variables and what they demand of each other are all looked at, and when they are
    right, what they name: package directories, password file, certificate, welcome page and state; what
    upstreams and remotes take from files; every line of the sets' requirements, constraints and locks, those
    at addresses as the last `sync` kept them. A package directory that is not there yet is a warning, and so
    is a password whose variable is not set: it may be set where the jobs run. So are a user in a rule whom
    the password file does not have, rules with addresses that clients behind a proxy may forge, a password
    file that root alone may read, and a state that the next start migrates: who asks a newer pypitool before
    an upgrade knows. A state that a newer one has migrated is a fault.
    """
    from pypitool.config.faults import refusal
    from pypitool.config.secrets import unset
    from pypitool.config.settings import forwarding_notices

    loaded = invocation.load()
    settings = loaded.settings
    if faults := tuple(_faults(loaded, invocation)):
        raise refusal(faults)
    output = Output(invocation)
    output.notices(loaded.notices)
    for fault in unset((*settings.upstreams, *settings.remotes), invocation.environ):
        output.warning(str(fault))
    output.notices(_unknown_users(settings))
    output.notices(forwarding_notices(settings))
    output.notices(_about_places(loaded, invocation.environ))
    files = [str(file) for file in loaded.files]
    if invocation.json:
        output.document({"files": files, "faults": []})
    else:
        output.done(f"{', '.join(files) or 'no configuration file'}: nothing is wrong")


def _faults(loaded: Loaded, invocation: Invocation) -> Iterator[ConfigFault]:
    """Look wherever `serve` and the commands of the mirror will look."""
    from pypitool.cli.commands.serve import what_keeps_it_from_starting
    from pypitool.config.faults import ConfigFault
    from pypitool.config.secrets import unreadable
    from pypitool.repository.state_errors import PackagesMissing

    settings = loaded.settings
    yield from unreadable((*settings.upstreams, *settings.remotes))
    for key, error in what_keeps_it_from_starting(loaded):
        if not isinstance(error, PackagesMissing):
            yield ConfigFault(loaded.origins[key].name, key, _with_hint(error))
    yield from _faults_of_sets(settings, invocation.environ)
    yield from _faults_of_state(settings, invocation.environ)


def _faults_of_state(settings: Settings, environ: Mapping[str, str]) -> Iterator[ConfigFault]:
    from pypitool.config.faults import ConfigFault
    from pypitool.repository.state import survey

    server = settings.server
    if not all(root.is_dir() for root in server.packages):
        return
    try:
        found = survey(server.packages, server.state, environ)
        found.refuse()
        _to_migrate(found)
    except PypitoolError as error:
        yield ConfigFault("", "server.state", _with_hint(error))


def _to_migrate(found: Survey) -> Path | None:
    """Return the catalogue that the next start migrates, if it does; refuse one of a newer pypitool."""
    catalogue = StateFiles(found.holding).catalogue
    if not os.path.exists(catalogue):  # and then nothing is imported for it
        return None
    from pypitool.catalogue.rebuild import is_behind

    return catalogue if is_behind(catalogue) else None


def _with_hint(error: PypitoolError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)


def _faults_of_sets(settings: Settings, environ: Mapping[str, str]) -> Iterator[ConfigFault]:
    """Yield the inputs of sets that are not there, and the lines of the others that `sync` would refuse."""
    from pypitool.config.faults import ConfigFault

    rest: list[SetSettings] = []
    for one in settings.sets:
        named = {"requirements": one.requirements, "constraints": one.constraints, "lock": one.lock}
        faults = {place: _why_unreadable(place) for places in named.values() for place in places}
        for key, places in named.items():
            for place in places:
                if (reason := faults[place]) is not None:
                    yield ConfigFault("", f"set.{one.name}.{key}", f"{place} cannot be read: {reason}")
        rest += _without(one, {place for place, reason in faults.items() if reason is not None})
    if rest:
        yield from _faulty_lines(replace(settings, sets=tuple(rest)), environ)


def _without(one: SetSettings, missing: Collection[InputPlace]) -> Iterator[SetSettings]:
    """Yield a set without those of its inputs, if any is left; what pins the others may be among them."""
    requirements, constraints, lock = (
        tuple(place for place in places if place not in missing)
        for places in (one.requirements, one.constraints, one.lock)
    )
    if requirements or constraints or lock:
        closure = "off" if missing else one.closure
        yield replace(one, requirements=requirements, constraints=constraints, lock=lock, closure=closure)


def _faulty_lines(settings: Settings, environ: Mapping[str, str]) -> Iterator[ConfigFault]:
    from pypitool.config.faults import ConfigFault
    from pypitool.mirror.configured import set_requests, web_inputs
    from pypitool.mirror.inputs import InputFaults
    from pypitool.mirror.sets import refuse_unpinned

    try:
        copies = web_inputs(settings, environ, only_copies=True, without_copy=b"")
        refuse_unpinned(set_requests(settings, (), environ, web=copies))
    except InputFaults as wrong:
        yield from (ConfigFault(str(one.source or ""), "", one.reason) for one in wrong.faults)


def _why_unreadable(place: InputPlace) -> str | None:
    if isinstance(place, str):
        return None  # an address: what stands there is not asked for
    try:
        with place.open("rb"):
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _about_places(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[str]:
    """Say what has to be made first, what the next start takes over, and what the service could not read."""
    from pypitool.host import opened_to_service
    from pypitool.repository.state import survey

    server, passwords = loaded.settings.server, loaded.settings.auth.passwords
    missing = [root for root in server.packages if not root.is_dir()]
    if missing and not loaded.origins["server.packages"].is_default:
        yield from (f"the package directory {root} does not exist" for root in missing)
    elif not missing:
        found = survey(server.packages, server.state, environ)
        if found.adopts:
            yield f"the next start takes over what was decided in {found.second}, for {found.asked.directory}"
        elif (catalogue := _to_migrate(found)) is not None:
            yield f"the next start migrates {catalogue} to this version, and keeps it beside as it was"
    if passwords is not None and (hint := opened_to_service(passwords)) is not None:
        yield f"only root may read {passwords}: {hint}"


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
