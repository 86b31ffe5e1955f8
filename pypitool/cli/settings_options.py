"""Options made from the keys of the configuration, so that the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import option
from pypitool.cli.invocation import Invocation
from pypitool.config.keys import Key
from pypitool.config.settings import keys, keys_by_path
from pypitool.config.values import BadValue

# In this order in the help; a topic of `config.settings` that is missing here fails at once.
TOPICS = ("Files", "Address", "Access", "Uploads", "Unknown projects", "Pages", "Running", "Log")


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:  # generic since click 8.4 only
    _ParamType = click.ParamType


class KeyType(_ParamType):
    """The type of an option: whatever its key takes."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.name = key.kind.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text as a variable's would be."""
        if not isinstance(value, str):
            return value
        try:
            return self.key.kind.parse(value)
        except BadValue as fault:
            self.fail(str(fault), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the words of a choice, and files for a path."""
        from click.shell_completion import CompletionItem

        choices = self.key.kind.choices
        if choices:
            return [CompletionItem(word) for word in choices if word.startswith(incomplete)]
        kinds = {"PATH": "file", "FILE": "file", "DIR": "dir"}
        return [CompletionItem(incomplete, type=kinds.get(self.key.kind.metavar, "plain"))]


def setting_option(path: str, *, topic: str | None = None) -> Callable[[Any], Any]:
    """Give a command the flag of one key; its value goes where the configuration is read."""
    key = keys_by_path()[path]
    return _declared(key, topic or key.topic)


def setting_options(function: Any) -> Any:
    """Give a command the flag of every key that has a topic: those that a server heeds."""
    served = [key for key in keys() if key.topic]
    for key in reversed(sorted(served, key=lambda key: TOPICS.index(key.topic))):  # noqa: C413
        function = _declared(key, key.topic)(function)
    return function


def _declared(key: Key, topic: str) -> Callable[[Any], Any]:
    declarations = list(key.flags) or [key.flag]
    value: dict[str, Any] = {"type": KeyType(key), "metavar": key.kind.metavar}
    if not key.kind.metavar:
        declarations[-1] = f"{key.flag}/--no-{key.flag.removeprefix('--')}"
        value = {}
    return option(
        *declarations,
        key.path.replace(".", "_").replace("-", "_"),
        topic=topic,
        default=None,
        multiple=key.kind.repeatable,
        expose_value=False,
        callback=_keep(key),
        help=_help(key),
        **value,
    )


def _keep(key: Key) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        # What a repeatable flag has when it is absent is what `-a .` means.
        if value is not None and not (key.kind.repeatable and value == ()):
            keep(ctx, key, value)

    return callback


def keep(ctx: click.Context, key: Key, value: Any) -> None:
    """Put a value where the configuration is read; a repeatable flag adds to what is there."""
    flags = ctx.ensure_object(Invocation).flags
    if key.kind.repeatable:
        value = (*flags.get(key.path, ()), *(item for given in value for item in given))
    flags[key.path] = value


def _help(key: Key) -> str:
    notes = [f"env var: {key.variable}"]
    if key.default not in (None, (), False):
        notes.append(f"default: {_default(key)}")
    if key.kind.repeatable:
        notes.append("may be repeated")
    return f"{key.why[:1].upper()}{key.why[1:]}.  [{'; '.join(notes)}]"


def _default(key: Key) -> str:
    written = key.kind.to_toml(key.default)
    if written is True:
        return "yes"
    return ", ".join(written) if isinstance(written, list) else str(written)
