"""What `pypitool serve` says when it begins: what it serves, to whom, and what clients have to know."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool import __version__
from pypitool.access.rules import Rules, rules_of
from pypitool.config.own_address import EVERYWHERE, address_at, own_address
from pypitool.config.settings import Settings
from pypitool.core.client_config import ClientIndex, pip_conf
from pypitool.core.masking import masked_urls
from pypitool.core.rights.effective import EffectiveRights
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller
from pypitool_server.engine.worker_processes import Ready

SHOWN = {
    "list and download": (Right.LIST, Right.DOWNLOAD),
    "upload, yank and delete": (Right.UPLOAD,),
}


def banner(settings: Settings, ready: Ready, *, port: int, hostname: str) -> str:
    """Return what is printed when the server begins to serve."""
    address = own_address(settings.server, hostname, port)
    return "\n".join(
        (
            f"pypitool {__version__} serves {_files(settings, ready)}",
            f"  at {_address(settings, port)}",
            *(f"  {line}" for line in _who_may(settings)),
            f"  unknown projects: {_unknown(settings)}",
            "  pip.conf of a client:",
            *(f"    {line}" for line in pip_conf(ClientIndex(address))),
        )
    )


def _files(settings: Settings, ready: Ready) -> str:
    directories = ", ".join(str(root) for root in settings.server.packages)
    return f"{directories} ({ready.files:,} files of {ready.projects:,} projects are known)"


def _address(settings: Settings, port: int) -> str:
    server = settings.server
    if server.unix_socket is not None:
        return f"unix:{server.unix_socket}"
    everywhere = " (every address of this machine)" if server.host in EVERYWHERE else ""
    return f"{address_at(server, server.host or '0.0.0.0', port)}{everywhere}"


def _who_may(settings: Settings) -> Iterator[str]:
    rules = rules_of(settings)
    if not rules.is_short:
        count = len(rules.book.rules)
        yield f"rights: {count} rule{'s' * (count != 1)}; `pypitool may WHO ACTION PROJECT` explains them"
        return
    for what, (right, *others) in SHOWN.items():
        if len({_whom(settings, rules, one) for one in (right, *others)}) == 1:
            yield f"{what}: {_whom(settings, rules, right)}"
        else:
            yield from (f"{one.value}: {_whom(settings, rules, one)}" for one in (right, *others))


def _whom(settings: Settings, rules: Rules, right: Right) -> str:
    if right is Right.UPLOAD and settings.server.read_only:
        return "nobody (read-only)"
    if _allows(rules, Caller(), right):
        return "everybody"
    if not _allows(rules, Caller(has_password=True), right):
        return "nobody (there is no password file: `-P FILE` names one)"
    auth = settings.auth
    sources = [] if auth.passwords is None else [f"the users of {auth.passwords}"]
    if auth.header is not None:
        said = ", and it drops every other spelling of that" if auth.header_is_safe else ""
        sources.append(f"whom a trusted proxy names in {auth.header}{said}")
    return " and ".join(sources)


def _allows(rules: Rules, caller: Caller, right: Right) -> bool:
    speaking = rules.book.speaking(caller, "")
    return EffectiveRights(rules.book.rules[number] for number in speaking).may(right, None)


def _unknown(settings: Settings) -> str:
    server, private = settings.server, settings.policy.private
    if server.disable_fallback:
        return "404"
    where = "the public PyPI" if server.fallback_url is None else masked_urls(server.fallback_url)
    kept = f", but never {' '.join(private)}" if private else ""
    return f"redirected to {where}{kept}"
