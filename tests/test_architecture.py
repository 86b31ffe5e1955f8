"""The shape of the house: three rings, the rooms with their doors, and what no file may contain."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pypitool.config.config_files import parse_toml
from tests.support.imports import (
    PACKAGES,
    ROOT,
    Import,
    Within,
    all_imports,
    in_room,
    is_below,
    modules,
    read_table,
    room_of,
    tree_of,
)

# Room -> the rooms that it may import. Who needs another arrow looks first whether a file lies wrong.
ROOMS = read_table("""
__main__        -> cli mirror
access          -> catalogue config core host
archives        -> core
catalogue       -> core host
cli             -> access catalogue config core doctor host manage mirror moving repository server/engine
                   setup upload upstream
config          -> core
container       -> __main__ cli config core host
doctor          -> access catalogue config core host manage mirror repository upstream
keeper          -> access catalogue core host repository store
manage          -> access catalogue config core mirror repository upload upstream
mirror          -> archives catalogue config core host repository store upstream
moving          -> archives catalogue config core host repository store
repository      -> access archives catalogue core host store
server/access   -> access config core repository server/http server/replay
server/app      -> access config repository server/access server/http server/replay server/services
                   server/views
server/engine   -> access config core host keeper repository server/app server/http server/logs
                   server/services server/views
server/http     -> core
server/logs     -> config core host manage repository server/http server/replay
server/replay   -> catalogue core server/http
server/services -> config repository server/access server/http server/replay
server/views    -> access archives catalogue config core manage repository server/access server/http
                   server/logs server/replay server/services store upstream
server/wsgi     -> access config server/engine
setup           -> core host
store           -> core host
upload          -> archives config core upstream
upstream        -> core
""")
# Room -> its files that others may import. What is not here can be changed without a look at other rooms.
DOORS = read_table("""
access          -> accounts explain htpasswd issuers oidc password_errors rules rules_file rules_record
archives        -> archive digest open_archive plain_tar
catalogue       -> against_log catalogue connections database errors facts held_metadata rebuild replay
                   sqlite
cli             -> main served
config          -> config_files display faults job_tables keys kinds live loader mirror_tables
                   own_address publisher_tables rights_tables secrets server_table settings upstream_tables
                   values
doctor          -> context examine finding
keeper          -> keeper
manage          -> action actions audit client downloads projects runs users
mirror          -> available bundle candidate_report configured environments fast_answer inputs notify
                   pin_files prune record resolve run schedule sets sync unchanged update verify_upstream
                   web_inputs workspace
moving          -> carry_out new_config sources
repository      -> activity backup contact merge_states owners publish read_file recovery releases
                   repository scan scan_record state state_errors tokens verify
server/access   -> access auth refusals
server/engine   -> needed_files other_servers prepare serve server
server/http     -> bodies browser request_limits lingering negotiated own_connections proxies slow_connections
                   thread_budget wsgi_types
server/logs     -> access_log counts download_log exposition logs observer shared_counters
server/replay   -> cache freshness front rendered
server/views    -> install operations
setup           -> this_machine
store           -> directory failures opened store temporary
upload          -> check_files credentials destination named_files upload_files
upstream        -> answer_bodies fetch_page listing session upstream upstream_errors
""")
# `core` is values and decisions, of which everybody may take what he needs.
ALL_DOORS = "core"
# Half of the files of a room are its own, so that it can be rebuilt behind its doors. Not so where its files
# have little to do with each other: how many doors there are then, and why.
MORE_DOORS = {
    "access": (9, "users, publishers and rules are three things, asked for by themselves"),
    "catalogue": (
        10,
        "facts, comparing, rebuilding and databases of others' state are used beside the catalogue itself",
    ),
    "config": (17, "each table is checked, shown and read by whoever it is for"),
    "manage": (8, "an action, and who carries it out: here or over the network"),
    "moving": (3, "the plan, what it does, and the configuration: three steps of one command"),
    "mirror": (21, "a command imports the one thing that it runs, and no start pays for the others"),
    "repository": (16, "what can be done with a repository, one thing a file"),
    "server/access": (3, "who asks, what he may, and what he is told"),
    "server/http": (10, "small tools without a common inside"),
    "server/logs": (7, "each log and count is made where processes are, and fed where requests are"),
    "server/replay": (4, "the cache, its freshness, the front and the pages: four parts that others connect"),
    "setup": (1, "one file: what is there, and what is done to it"),
    "store": (5, "its interface, its one implementation, and what they are told in"),
    "upload": (5, "the command asks, checks and sends in steps of its own"),
    "upstream": (6, "an index is asked for pages, for files, or whether it is there"),
}

# Who may catch everything, and why; for all others `core.guard` says what is one thing's own fault.
CATCHES_EVERYTHING = {
    "pypitool.access.accounts": "a plug-in of somebody else's, with a network behind it perhaps",
    "pypitool.cli.main": "the boundary of the command line",
    "pypitool.core.guard": "the guard",
}

OURS = frozenset(PACKAGES)
# Libraries that a whole part is written in, and where that part lies.
WRITTEN_IN = {
    "packaging": ("pypitool", "pypitool_server"),
    "click": ("pypitool.cli", "pypitool.__main__"),
    "requests": ("pypitool.upstream",),  # and urllib3, which comes with it
    "flask": ("pypitool_server",),
    "werkzeug": ("pypitool_server",),
    "markupsafe": ("pypitool_server",),
}
# What comes with a library and is never declared on its own, or is called otherwise than its distribution.
COMES_WITH = {
    "passlib": "libpass",
    "werkzeug": "flask",
    "markupsafe": "flask",
    "jinja2": "flask",
    "urllib3": "requests",
}
# A function of this one imports what is there already.
LATE_FOR_NOTHING = {"pypitool.keeper.change_watcher"}
HEAVY = {
    "apscheduler", "bcrypt", "defusedxml", "flask", "granian", "passlib", "prometheus_client", "pypi_simple",
    "requests", "rich", "sqlite3", "urllib.request", "uv", "watchdog", "werkzeug", "xmlrpc", "yaml",
}  # fmt: skip


def every_module() -> list[tuple[str, Path]]:
    """List all modules of ours: dotted name and path."""
    return [module for package in PACKAGES for module in modules(package)]


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return all_imports()


def test_the_core_imports_nothing_but_the_standard_library_and_packaging(imports: list[Import]) -> None:
    allowed = sys.stdlib_module_names | {"packaging"}

    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool.core")
        and found.library not in allowed
        and not is_for_types(found)
        and not is_below(found.imported, "pypitool.core")
    ]

    assert not wrong, lines(wrong)


def test_the_core_touches_no_disk_network_clock_or_environment(imports: list[Import]) -> None:
    effects = (
        "os",
        "socket",
        "subprocess",
        "time",
        "threading",
        "tempfile",
        "sqlite3",
        "urllib.request",
        "shutil",
    )

    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool.core")
        and any(is_below(found.imported, effect) for effect in effects)
        and not is_below(found.imported, "os.path")
    ]

    assert not wrong, lines(wrong)


def test_the_library_imports_neither_the_command_line_nor_the_server(imports: list[Import]) -> None:
    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool")
        and not is_front(found.importer)
        and (is_below(found.imported, "pypitool.cli") or found.library == "pypitool_server")
    ]

    assert not wrong, lines(wrong)


def test_only_serve_imports_the_server(imports: list[Import]) -> None:
    importers = {
        found.importer
        for found in imports
        if found.library == "pypitool_server" and found.importer.startswith("pypitool.")
    }

    assert importers <= {"pypitool.cli.commands.serve"}


def test_the_server_does_not_import_the_command_line(imports: list[Import]) -> None:
    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool_server") and is_below(found.imported, "pypitool.cli")
    ]

    assert not wrong, lines(wrong)


def test_a_room_imports_only_what_the_table_allows(imports: list[Import]) -> None:
    wrong = [
        found for found in between_rooms(imports) if target(found)[0] not in ROOMS[room_of(found.importer)]
    ]

    assert not wrong, lines(wrong)


def test_the_table_has_no_arrow_that_nobody_needs(imports: list[Import]) -> None:
    needed = {(room_of(found.importer), target(found)[0]) for found in between_rooms(imports)}

    assert {(room, below) for room in ROOMS for below in ROOMS[room]} <= needed


def test_no_room_is_below_itself() -> None:
    TopologicalSorter(ROOMS).prepare()  # raises CycleError with the circle


def test_no_file_imports_itself_by_way_of_others(imports: list[Import]) -> None:
    files: dict[str, set[str]] = defaultdict(set)
    for found in imports:
        if found.module is not None and found.module != found.importer:
            files[found.importer].add(found.module)

    TopologicalSorter(files).prepare()  # raises CycleError with the circle


def test_others_enter_a_room_by_its_doors(imports: list[Import]) -> None:
    wrong = [found for found in between_rooms(imports) if not is_door(*target(found))]

    assert not wrong, lines(wrong)


def test_every_door_is_used(imports: list[Import]) -> None:
    used = {target(found) for found in between_rooms(imports)}

    assert {(room, name) for room in DOORS for name in DOORS[room]} <= used


@pytest.mark.parametrize("room", DOORS)
def test_at_most_half_of_the_files_of_a_room_are_doors(room: str) -> None:
    files = [name for name, path in every_module() if room_of(name) == room and path.name != "__init__.py"]

    most, _ = MORE_DOORS.get(room, (len(files) // 2, ""))
    assert len(DOORS[room]) <= most


@pytest.mark.parametrize(
    "path", [path for name, path in every_module() if path.name == "__init__.py" and "." in name],
    ids=lambda path: path.parent.name,
)  # fmt: skip
def test_the_init_of_a_room_is_its_sentence(path: Path) -> None:
    body = tree_of(path).body

    assert len(body) == 1, "it imports nothing: no start pays for what it does not use"
    assert re.fullmatch(r'"""[A-Z`][^\n]+\."""\n', path.read_text())


def test_each_library_is_imported_by_one_module(imports: list[Import]) -> None:
    importers: dict[str, set[str]] = defaultdict(set)
    for found in third_party(imports):
        if found.library not in WRITTEN_IN:
            importers[found.library].add(found.importer)

    shared = {library: sorted(names) for library, names in importers.items() if len(names) > 1}

    assert not shared


def test_the_frameworks_stay_in_their_part(imports: list[Import]) -> None:
    wrong = [
        found
        for found in third_party(imports)
        if found.library in WRITTEN_IN
        and not any(is_below(found.importer, part) for part in WRITTEN_IN[found.library])
    ]

    assert not wrong, lines(wrong)


def test_every_library_that_is_imported_is_declared(imports: list[Import]) -> None:
    project = parse_toml((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = packages_distributions()

    undeclared = {
        found.library
        for found in third_party(imports)
        if not declared & providers(found.library, distributions.get(found.library, []))
    }

    assert not undeclared


def test_a_function_imports_only_what_its_file_does_not_bring_anyhow(imports: list[Import]) -> None:
    at_start = [found for found in imports if found.within is Within.FILE]

    wrong = [
        found
        for found in imports
        if found.within is Within.FUNCTION
        and found.importer not in LATE_FOR_NOTHING
        and (found.module or found.source) in brought_by(found.importer, at_start)
    ]

    assert not wrong, lines(wrong)


def test_only_boundaries_and_the_guard_catch_everything() -> None:
    catching = {name for name, path in every_module() for _ in catch_alls(tree_of(path))}

    assert catching == CATCHES_EVERYTHING.keys()


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("try: f()\nexcept Exception: pass", 1),
        ("try: f()\nexcept (OSError, Exception) as error: raise", 1),
        ("try: f()\nexcept: pass", 1),
        ("with suppress(Exception): f()", 1),
        ("try: f()\nexcept BaseException: pass", 1),
        ("try: f()\nexcept BaseException:\n    g()\n    raise", 0),
        ("try: f()\nexcept ValueError: pass", 0),
    ],
)  # fmt: skip
def test_a_catch_of_everything_is_found_in_each_of_its_forms(code: str, caught: int) -> None:
    assert len(list(catch_alls(ast.parse(code)))) == caught


@pytest.mark.process
def test_the_command_starts_without_importing_anything_heavy() -> None:
    code = "import sys, pypitool.__main__; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not HEAVY & set(ended.stdout.split())


def test_no_file_spells_out_a_public_registry_or_a_path_of_somebodys_machine() -> None:
    # Put together here, so that this file does not contain them either.
    hosts = [r"pypi\.(?:python\.)?o" + "rg", "python" + "hosted", "npm" + "js", "crates" + r"\.io"]
    homes = ["/wo" + "rk/(?:main|shared)", "/tm" + "p/w/", "/ro" + "ot/"]
    forbidden = re.compile("|".join(hosts + homes), re.IGNORECASE)

    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if forbidden.search(line)
    ]

    assert not found, "\n".join(found)


def between_rooms(imports: Iterable[Import]) -> list[Import]:
    """Choose the imports from one room of ours into another; a package itself, with its version, is none."""
    return [
        found
        for found in imports
        if found.module is not None and room_of(found.module) not in ("", "server/", room_of(found.importer))
    ]


def target(found: Import) -> tuple[str, str]:
    """Say into which room an import leads, and to which file there."""
    assert found.module is not None
    return room_of(found.module), in_room(found.module)


def is_door(room: str, name: str) -> bool:
    """Tell whether other rooms may import a file of a room; one that lies in no room has no inside."""
    return room == ALL_DOORS or name == "" or name in DOORS.get(room, ())


def brought_by(module: str, at_start: Iterable[Import]) -> set[str]:
    """Name every module that is loaded once this one is: ours, and those of others that we name."""
    imported: dict[str, set[str]] = defaultdict(set)
    for found in at_start:
        imported[found.importer].add(found.module or found.source)
    brought, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in brought:
            brought.add(name)
            waiting.extend(imported[name])
    return brought


def catch_alls(tree: ast.AST) -> Iterable[ast.AST]:
    """Find what catches every exception and keeps it; who cleans up and raises again is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = set() if node.type is None else plain_names(node.type)
            last = node.body[-1]
            passes_on = isinstance(last, ast.Raise) and last.exc is None
            if node.type is None or "Exception" in names or ("BaseException" in names and not passes_on):
                yield node
        elif isinstance(node, ast.Call) and "suppress" in plain_names(node.func):
            yield from (each for each in node.args if {"Exception", "BaseException"} & plain_names(each))


def plain_names(node: ast.AST) -> set[str]:
    """List the names in an expression, without what they belong to."""
    found = (getattr(each, "id", None) or getattr(each, "attr", None) for each in ast.walk(node))
    return {name for name in found if isinstance(name, str)}


def is_front(module: str) -> bool:
    """Say whether a module belongs to the command line, or begins it."""
    return (
        is_below(module, "pypitool.cli")
        or is_below(module, "pypitool.container")
        or module == "pypitool.__main__"
    )


def is_for_types(found: Import) -> bool:
    """Tell whether an import is of words that type checkers know by themselves, and nobody else reads."""
    return found.within is Within.TYPES and found.library == "typing_extensions"


def third_party(imports: Iterable[Import]) -> list[Import]:
    """Leave out ourselves and the standard library; tomllib is there from Python 3.11 only."""
    known = sys.stdlib_module_names | OURS | {"tomllib"}
    return [found for found in imports if found.library not in known and not is_for_types(found)]


def providers(library: str, distributions: Iterable[str]) -> set[str]:
    """Name the distributions that bring `library`, and those that it comes with."""
    own = {canonicalize_name(name) for name in distributions}
    return own | {canonicalize_name(COMES_WITH.get(library, library))}


def tracked_files() -> list[Path]:
    """Every file under version control; in an unpacked sdist, every file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = (
        listed.stdout.split("\0")
        if listed.returncode == 0
        else [str(path) for path in ROOT.glob("[!.]*/**/*")]
    )
    return [path for path in (ROOT / name for name in names if name) if path.is_file()]


def lines(found: Iterable[Import]) -> str:
    """Print one import on each line of a failure."""
    return "\n".join(str(one) for one in found)
