"""The boundary of the command line: exceptions end here, as sentences and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import click

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import visible
from pypitool.cli.pypiserver import modern
from pypitool.cli.root import operands, root, usage_sentence
from pypitool.config.config_files import where_none_was
from pypitool.config.faults import BadConfiguration, WantsConfiguration
from pypitool.core.errors import EXIT_INTERRUPTED, Kind, PypitoolError, exit_code, without_descriptors
from pypitool.core.guard import Unforeseen
from pypitool.core.text import is_text, printable


class WordNotText(PypitoolError):
    """A word of the command line is no text, and nothing that keeps it could ever be read again."""

    kind = Kind.USAGE
    hint = "write it in UTF-8, or set the locale (`LC_ALL`) that it is written in"
    word: str

    def __str__(self) -> str:
        return f"the word `{printable(self.word)}` is no text"


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    invocation = Invocation(line=tuple(arguments), operands=operands)
    try:
        return _run(arguments, invocation)
    except SystemExit as end:  # click ends so when the reader of our output went away
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        return reader_gone()
    except (Exception, KeyboardInterrupt) as error:
        # What stands after the faulty word was not parsed, but somebody wrote it.
        invocation.json = invocation.json or "--json" in arguments
        if invocation.debug or "--debug" in arguments:
            import traceback

            traceback.print_exc()
        failure = describe(error)
        if isinstance(error, WantsConfiguration):
            nowhere = where_none_was(invocation.environ, invocation.config)
            failure = replace(failure, hint=nowhere or failure.hint)
        report(failure, invocation)
        return failure.exit_code


def refuse(error: PypitoolError) -> int:
    """Tell what kept a program from beginning, and return its exit code."""
    failure = describe(error)
    report(failure, Invocation())
    return failure.exit_code


def _run(arguments: list[str], invocation: Invocation) -> int:
    for word in arguments:
        if not is_text(word):
            raise WordNotText(word)
    words, notice = modern(arguments)
    if notice:
        invocation.notices.append(notice)
    outcome = root.main(words, prog_name="pypitool", standalone_mode=False, obj=invocation)
    sys.stdout.flush()
    return outcome if isinstance(outcome, int) else 0


def reader_gone() -> int:
    """End quietly: nobody reads what is printed."""
    # https://docs.python.org/3/library/signal.html#note-on-sigpipe: Python flushes again when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, why, what to do, and the exit code that says it."""

    kind: str
    message: str
    exit_code: int
    cause: str | None = None
    hint: str | None = None
    usage: str | None = None
    more: Mapping[str, object] = field(default_factory=dict)  # fields that programs get besides


INTERRUPTED = Failure("interrupted", "interrupted", EXIT_INTERRUPTED)


def describe(error: BaseException) -> Failure:
    """Say what an exception means to the person who ran the command."""
    if isinstance(error, Unforeseen) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, PypitoolError):
        return INTERRUPTED if _is_stop(error) else _own(error)
    if (known := without_descriptors(error)) is not None:
        return _own(known)
    if isinstance(error, click.ClickException):
        return _wrong_usage(error)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return INTERRUPTED
    if isinstance(error, OSError) and error.strerror:
        return Failure(Kind.INTERNAL.value, _system_sentence(error), 1)
    text = f"unexpected {type(error).__name__}: {error}".rstrip(": ")
    return Failure(Kind.INTERNAL.value, text, 1, hint="re-run with `--debug` for the traceback")


def _is_stop(error: PypitoolError) -> bool:
    from pypitool.upstream.upstream_errors import Stopped

    return isinstance(error, Stopped)


def _own(error: PypitoolError) -> Failure:
    more = {}
    if isinstance(error, BadConfiguration):
        more["faults"] = [
            {"source": fault.source, "path": fault.path, "message": fault.message} for fault in error.faults
        ]
    return Failure(error.kind.value, str(error), exit_code(error), _cause(error), error.hint, more=more)


def _cause(error: PypitoolError) -> str | None:
    # A system error is in our own sentence already; another failure of ours tells one thing more.
    return str(error.__cause__) if isinstance(error.__cause__, PypitoolError) else None


def _system_sentence(error: OSError) -> str:
    subject = f"`{error.filename}`: " if error.filename else ""
    reason = error.strerror or ""
    return f"{subject}{reason[:1].lower()}{reason[1:]}"


def _wrong_usage(error: click.ClickException) -> Failure:
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path} --help` tells how" if context else None
    usage = context.get_usage() if context else None
    return Failure(Kind.USAGE.value, usage_sentence(error), error.exit_code, None, hint, usage)


def report(failure: Failure, invocation: Invocation) -> None:
    """Write a failure to stderr."""
    stream = sys.stderr
    if invocation.json:
        click.echo(json.dumps(_document(failure)), file=stream)
        return
    text = _text(failure, colored=invocation.colored(stream))
    click.echo(text, file=stream, color=invocation.colored(stream))


def _document(failure: Failure) -> dict[str, object]:
    document: dict[str, object] = {"type": "error", "kind": failure.kind, "message": failure.message}
    if failure.cause:
        document["cause"] = failure.cause
    return {**document, "hint": failure.hint, "exit_code": failure.exit_code, **failure.more}


def _text(failure: Failure, *, colored: bool) -> str:
    head = click.style("error:", fg="red", bold=True) if colored else "error:"
    lines = [f"{head} {visible(failure.message, lines=True)}"]
    if failure.cause:
        lines.append(f"  cause: {visible(failure.cause)}")
    if failure.usage:
        lines.insert(0, failure.usage)
    if failure.hint:
        lines.append(f"\nhint: {visible(failure.hint, lines=True)}")
    return "\n".join(lines)
