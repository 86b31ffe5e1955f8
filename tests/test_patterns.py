"""Patterns over the text of strangers: one list, and what each of them costs at most.

What a client, or a file of theirs, says is taken apart by `split` and `partition`. Where a pattern reads it
all the same, its work grows with the length of the text and not with its square: one request of 60 KB that
did otherwise kept a worker from everything else for 40 seconds.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from itertools import pairwise, product
from pathlib import Path

import pytest

from tests.support.imports import PACKAGES, modules, tree_of
from tests.support.regex_steps import steps_of

# Rooms that read text of strangers. Elsewhere it is that of whoever runs us, and of the indexes they chose.
READING_ROOMS = (
    "pypitool.access", "pypitool.archives", "pypitool.catalogue", "pypitool.core", "pypitool.keeper",
    "pypitool.repository", "pypitool.store", "pypitool_server",
)  # fmt: skip
# Module and pattern, how it is used, and how texts begin that get it to work hard.
OVER_TEXT_OF_STRANGERS = r"""
pypitool.archives.wheel          _DIST_INFO       fullmatch  a.dist-info a.dist-info/
pypitool.catalogue.facts         _STATUS          search     "status":
pypitool.catalogue.facts         _WHAT            search     "what":
pypitool.core.address_judgement  _AUTHORITY       match      http:// http
pypitool.core.address_judgement  _NUMBER          fullmatch  0x 1. a.
pypitool.core.audit_query        [zZ]$            search     2026
pypitool.core.fact_line          _END             search     ,"sum":"
pypitool.core.filenames          [.-]             search     a
pypitool.core.filenames          _DOTTED          fullmatch  v1.
pypitool.core.filenames          _EGG_TAIL        fullmatch  -py3 -py3.1-
pypitool.core.filenames          _INSTALLER_TAIL  fullmatch  .win- -linux-
pypitool.core.filenames          _NUMBERED        fullmatch  v1
pypitool.core.filenames          _SAFE            fullmatch  a
pypitool.core.filenames          _TAGS            fullmatch  py3-none- py3.py2-
pypitool.core.index.http         _QUALITY         fullmatch  q= q=0. q
pypitool.core.index.http         _QUALITY_NAME    match      q
pypitool.core.index.http         _TAG             search     W/" "
pypitool.core.index.upload_form  _HEX             fullmatch  a
pypitool.core.json_text          _HALF            search     "\\ud8
pypitool.core.masking            _CREDENTIALS     search     http:// ://a
pypitool.core.masking            _HEADER          search     authorization: authorization authorization:basic
pypitool.core.masking            _TOKEN           search     pypitool_
pypitool.core.masking            _SCHEME          search     basic bearer
pypitool.core.masking            _SEPARATOR       search     a=1&
pypitool.core.metadata           _FIELD           fullmatch  Name:
pypitool.core.metadata           _HEAD_END        search     Name:
pypitool.core.metadata           _INDENT          search     a
pypitool.core.metadata           _LINE_END        search     Name:
pypitool.core.mirror.input_place  _ADDRESS        match      http a
pypitool.core.mirror.requirement_lines  _ABSURD   search     1
pypitool.core.mirror.requirement_lines  _COMMENT  search     a #
pypitool.core.mirror.requirement_lines  _HASH     match      sha256:
pypitool.core.mirror.requirement_lines  _LOCAL    match      ./ a
pypitool.core.mirror.requirement_lines  _QUOTING  search     a
pypitool.core.mirror.requirement_lines  _REQUIREMENT_OPTION  search  a a-
pypitool.core.mirror.requirement_lines  _URL      match      http
pypitool.core.mirror.requirement_lines  _VARIABLE  search    ${
pypitool.core.mirror.requirement_lines  _VCS      match      git a
pypitool.core.mirror.requirement_lines  _WEAK_HASH  match    md5:
pypitool.core.names              _VALID           fullmatch  a
pypitool.core.rights.tokens      _GLOB            fullmatch  !a
pypitool.core.rights.tokens      _NAME            fullmatch  a
pypitool.core.rights.tokens      _SHAPE           fullmatch  pypitool_
pypitool.core.text               _BARE            fullmatch  1
pypitool.core.text               _DURATION        fullmatch  1d
pypitool.core.text               _PART            search     1d
pypitool.core.text               _SIZE            fullmatch  1 1.5
pypitool.core.versions           _NUMBER          search     1.
pypitool_server.http.proxies     _HOST            fullmatch  a [a
pypitool_server.http.proxies     _HOST_AND_PREFIX fullmatch  a [a a/a /a
pypitool_server.http.proxies     _PREFIX          fullmatch  /a
pypitool_server.http.proxies     _SCHEME          fullmatch  http
pypitool_server.logs.access_log  _ODD             search     /
pypitool_server.views.install    _PLAIN           fullmatch  /
"""
OVER_OTHER_TEXT = """
pypitool.core.download_days      _NAME      names of our own files
pypitool.core.rights.effective   _PREFIX    globs; what they match is tested below
pypitool.core.rights.effective   _WILD      globs; what they match is tested below
pypitool.core.rights.effective   dynamic    globs; what they match is tested below
pypitool.repository.state_owner  _MARK      the marks that we write
pypitool_server.engine.tls       _BLOCK     certificates of whoever runs us
pypitool_server.views.pages      _VARIABLE  the welcome page of whoever runs us
"""
# core.mirror and core.units read targets, times and paths of whoever runs us, core.moving how he ran another
# server.
OTHER_ROOMS = ("pypitool.core.mirror", "pypitool.core.moving", "pypitool.core.units")
# Requirements may come from an address.
READING_FILES = ("pypitool.core.mirror.input_place", "pypitool.core.mirror.requirement_lines")

PUMPS = (
    "a", "A", "0", "1", " ", "\t", "\n", "\r", "\r\n ", "-", ".", "_", "/", "//", ":", "://", "://a", "@",
    "=", "&", '"', '""', "'", "[", "]", "~", "é", "a.", "-a", ".a", "/a", "1d", "1 ", " 1", "a=", "=a",
    "&key", "key", "token", "basic ", "bearer ", "authorization", "authorization:", "pypitool_", "W/", 'W/"',
    "q=", "py3-", ".dist-info", ".dist-info/", '"what": ', '"status":"', "win-", "linux-a",
)  # fmt: skip
ENDS = ("", "\x00")
SIZES = (1024, 2048, 4096, 8192)
SHORT, KEPT = 64, 2
# Twice the text is twice the work. Some steps come for every text, whatever its length.
GROWTH = 2.2
CONSTANT = 200


# How a text begins, what is repeated in it, and how it ends.
Kind = tuple[str, str, str]


@dataclass(frozen=True)
class Row:
    """One pattern over the text of strangers."""

    module: str
    name: str
    how: str
    beginnings: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str] | re.Pattern[bytes]:
        held = getattr(importlib.import_module(self.module), self.name, None)
        return held if isinstance(held, re.Pattern) else re.compile(self.name)

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def rows() -> list[Row]:
    lines = [line.split() for line in OVER_TEXT_OF_STRANGERS.strip().splitlines()]
    return [Row(module, name, how, tuple(beginnings)) for module, name, how, *beginnings in lines]


def text_of(beginning: str, pump: str, end: str, *, size: int) -> str:
    return beginning + pump * (size // len(pump)) + end


def cost(pattern: re.Pattern[str] | re.Pattern[bytes], how: str, text: str) -> int:
    return steps_of(pattern, text if isinstance(pattern.pattern, str) else text.encode(), how=how)


def worst(pattern: re.Pattern[str] | re.Pattern[bytes], how: str, beginnings: Iterable[str]) -> list[Kind]:
    """Return the texts that cost most while they are short: those are tried at their full length."""
    tried: list[Kind] = list(product(("", *beginnings), PUMPS, ENDS))
    return sorted(tried, key=lambda one: cost(pattern, how, text_of(*one, size=SHORT)))[-KEPT:]


def growth(pattern: re.Pattern[str] | re.Pattern[bytes], how: str, kind: Kind) -> list[float]:
    """Return by how much the steps grow each time that the text has twice the length."""
    steps = [cost(pattern, how, text_of(*kind, size=size)) + CONSTANT for size in SIZES]
    return [larger / smaller for smaller, larger in pairwise(steps)]


@pytest.mark.slow
@pytest.mark.parametrize("row", rows(), ids=str)
def test_the_work_of_a_pattern_grows_with_the_text_and_no_faster(row: Row) -> None:
    for kind in worst(row.pattern, row.how, row.beginnings):
        assert max(growth(row.pattern, row.how, kind)) < GROWTH, kind


@pytest.mark.parametrize(
    ("pattern", "how", "beginning"),
    [
        # What masked the queries of the log, and what read a Range, until they were tried.
        (r"([?&;]|^)([^=&;?\s]*(?:token|key|auth)[^=&;?\s]*)=[^&;\s]+", "search", "a=1&"),
        (r"\s*bytes\s*=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})\s*", "fullmatch", "bytes="),
        (r"(?:.*a){2}", "fullmatch", ""),
    ],
)  # fmt: skip
def test_a_pattern_that_tries_everything_is_seen(pattern: str, how: str, beginning: str) -> None:
    compiled = re.compile(pattern)
    kind = worst(compiled, how, [beginning])[-1]

    steps = [cost(compiled, how, text_of(*kind, size=size)) for size in (128, 256, 512)]

    assert all(larger > 3 * smaller for smaller, larger in pairwise(steps))


@pytest.mark.parametrize("glob", ["a*a", "a*-a*-a", "*a*", "?*a"])
def test_so_does_that_of_a_glob_with_a_star_or_two(glob: str) -> None:
    """Scopes of tokens are globs that clients write."""
    pattern = re.compile(translate(glob))

    for kind in worst(pattern, "match", ["a"]):
        assert max(growth(pattern, "match", kind)) < GROWTH, kind


def test_the_list_has_every_pattern_of_the_rooms_that_read_strangers() -> None:
    listed = {(row.module, row.name) for row in rows()}
    listed |= {(line.split()[0], line.split()[1]) for line in OVER_OTHER_TEXT.strip().splitlines()}

    there = set(patterns_in_the_source())

    assert there - listed == set(), (
        "patterns that are in neither list: is it a stranger's text that they read?"
    )
    assert listed - there == set()


def patterns_in_the_source() -> Iterator[tuple[str, str]]:
    """Yield each pattern: its module, and its name or, where it has none, what it says."""
    for module, path in (found for package in PACKAGES for found in modules(package)):
        is_elsewhere = module.startswith(OTHER_ROOMS) and module not in READING_FILES
        if module.startswith(READING_ROOMS) and not is_elsewhere:
            yield from ((module, name) for name in _patterns(path))


def _patterns(path: Path) -> Iterator[str]:
    tree = tree_of(path)
    named = {
        node.value: target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Name):
            continue
        if called.value.id == "re" and called.attr != "escape":
            assert isinstance(node, ast.Call)
            said = node.args[0]
            yield named.get(node) or (str(said.value) if isinstance(said, ast.Constant) else "dynamic")
