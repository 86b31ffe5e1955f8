"""What one moves from, read where it lies: the plan of the move. Nothing is written."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import BadFilename, is_ignored, parse
from pypitool.core.json_text import parse_json
from pypitool.core.limits import DEVPI_INDEX, PAGE_BYTES, SERVICE_FILE
from pypitool.core.masking import masked_urls
from pypitool.core.moving.bandersnatch_files import WEB_PACKAGES, OldMirror, files_of, read_mirror
from pypitool.core.moving.devpi_export import NoExport, read_export
from pypitool.core.moving.move_plan import KnownFile, Left, MovePlan, OldSetting, Program
from pypitool.core.moving.pypi_server_words import PACKAGES, read_words
from pypitool.core.moving.service_files import read_compose, read_unit, unit_user
from pypitool.core.moving.starting_line import CannotTell, Start, is_program, read_start, split
from pypitool.core.scan_plan import Walked
from pypitool.store.directory import DirectoryStore

_NO_FALLBACK = OldSetting("server.disable-fallback", "true", "unknown projects were 404 before")
_STATE = "server.state"
# Beside `web`: its `verify` deletes whatever it does not know below.
_STATE_BESIDE = "pypitool-state"
_DATA_INDEX = "dataindex.json"
_COMPOSE = (".yml", ".yaml")


class SourceUnreadable(PypitoolError):
    """What one moves from is not there, or cannot be read."""

    kind = Kind.NOT_FOUND
    sentence = "cannot read {path}: {reason}"
    hint = "name what is there; nothing was done"
    path: str
    reason: str


def plan_directory(source: Path) -> MovePlan:
    """Plan to serve a directory where it lies."""
    folder = _folder(source)
    return _lying(Program.DIRECTORY, str(folder), (str(folder),), given=(_NO_FALLBACK,))


def plan_pypiserver(source: str) -> MovePlan:
    """Plan to serve what pypi-server served: of a directory, a unit, a compose file or a command line."""
    path = Path(os.path.expanduser(source))
    # By `os.path`: a command line may be longer than any name of a file, and then it is none.
    if os.path.isdir(path):
        folder = _folder(path)
        return _lying(Program.PYPISERVER, str(folder), (str(folder),))
    reading = read_words(_start(source, path))
    beside = tuple(Left(str(one), "it changes what is said there, and is not read") for one in _beside(path))
    if not reading.serves:
        raise CannotTell(source, "it is `pypi-server update`, which serves nothing")
    packages = [one.text for one in reading.given if one.path == PACKAGES]
    if not packages:
        said = "; ".join(f"{one.what}: {one.why}" for one in reading.left)
        raise CannotTell(source, f"where the packages lie is not said ({said})")
    others = tuple(one for one in reading.given if one.path != PACKAGES)
    shown = str(path.absolute()) if os.path.isfile(path) else source
    return _lying(Program.PYPISERVER, shown, packages, others, (*reading.left, *beside))


def _start(source: str, path: Path) -> Start:
    home = os.environ.get("HOME")
    if not os.path.isfile(path):
        if " " not in source.strip() and not is_program(source):
            raise SourceUnreadable(source, "there is no such file or directory")
        return read_start(split(source, source), source, str(Path.cwd()), home)
    text = _text(path, SERVICE_FILE.most)
    if path.suffix in _COMPOSE:
        from pypitool.moving.compose_yaml import parse_yaml

        return read_compose(parse_yaml(text, source), source, str(path.absolute().parent), home)
    return read_unit(text, source, _home_of(unit_user(text)))


def _beside(path: Path) -> list[Path]:
    """Find what systemd and compose read besides a file, and put above it."""
    if not os.path.isfile(path):
        return []
    override = path.with_name(f"{path.stem}.override{path.suffix}")
    return sorted([*Path(f"{path}.d").glob("*.conf"), *([override] if override.is_file() else [])])


def _home_of(user: str | None) -> str | None:
    try:
        return pwd.getpwnam(user or "root").pw_dir
    except KeyError:
        return None


def plan_bandersnatch(source: Path) -> MovePlan:
    """Plan to serve the files of a mirror where they lie, as mirrored, with the times of its JSON."""
    mirror = _mirror(source)
    folder = Path(mirror.directory)
    packages = folder / WEB_PACKAGES
    if not packages.is_dir():
        raise SourceUnreadable(str(packages), "there is no such directory")
    lying, left = _files([str(packages)])
    broken: list[Left] = []
    known = {one.filename: one for one in _known(folder / "web", broken) if one.filename in lying}
    if known:
        left += [
            Left(name, "no JSON names it, so it counts as copied in") for name in sorted(lying - known.keys())
        ]
    state = OldSetting(_STATE, str(folder / _STATE_BESIDE), "`bandersnatch verify` clears web/packages")
    return MovePlan(
        Program.BANDERSNATCH,
        os.path.abspath(source),
        (str(packages),),
        given=(_NO_FALLBACK, state),
        left=(*mirror.left, *left, *broken),
        lying=len(lying),
        known=tuple(known.values()),
        mirrored_from=masked_urls(mirror.master or "bandersnatch"),
    )


def _mirror(source: Path) -> OldMirror:
    if source.is_file():
        return read_mirror(_text(source, SERVICE_FILE.most), str(source))
    folder = _folder(source)
    # The folder of the mirror, or the one that its web server shows.
    return OldMirror(str(folder.parent if folder.name == "web" else folder))


def _known(web: Path, broken: list[Left]) -> Iterator[KnownFile]:
    """Yield what the JSON of a mirror says of its files: that of the pages first, which may be older."""
    for path in (*sorted((web / "simple").rglob("index.v1_json")), *sorted((web / "json").glob("*"))):
        try:
            document = parse_json(_bytes(path, PAGE_BYTES.most))
        except (SourceUnreadable, ValueError) as error:
            broken.append(Left(str(path), f"it is not read: {error}"))
            continue
        yield from files_of(document)


def plan_devpi(source: Path, index: str | None, packages: Sequence[Path]) -> MovePlan:
    """Plan to take the files of one index of an export of devpi into the first of the packages."""
    folder = _folder(source)
    place = str(folder / _DATA_INDEX)
    try:
        document = parse_json(_bytes(folder / _DATA_INDEX, DEVPI_INDEX.most))
    except SourceUnreadable as error:
        raise NoExport(place, error.reason) from None
    except ValueError as error:
        raise NoExport(place, str(error)) from None
    export = read_export(document, place, index)
    here = tuple(one for one in export.files if (folder / one.relpath).is_file())
    absent = (Left(one.relpath, "it is not in the export") for one in {*export.files} - {*here})
    return MovePlan(
        Program.DEVPI,
        f"{folder}, {export.index}",
        tuple(map(str, packages)),
        given=export.given,
        left=(*export.left, *sorted(absent, key=lambda one: one.what)),
        moved=here,
        people=export.people,
    )


def _lying(
    program: Program,
    source: str,
    packages: Sequence[str],
    given: Sequence[OldSetting] = (),
    left: Sequence[Left] = (),
) -> MovePlan:
    files, problems = _files(packages)
    return MovePlan(program, source, tuple(packages), tuple(given), (*left, *problems), len(files))


def _files(folders: Sequence[str]) -> tuple[set[str], list[Left]]:
    """Return the names of the package files that lie there, and why others are none."""
    found, left = set[str](), list[Left]()
    for folder in folders:
        if not os.path.isdir(folder):
            left.append(Left(folder, "there is no such directory on this machine"))
            continue
        for one in DirectoryStore((Path(folder),)).walk(0):
            place = one.location
            if not isinstance(one, Walked):
                left.append(Left(place.path, f"it is not listed: {one.reason}"))
            elif not is_ignored(place.filename):
                try:
                    found.add(parse(place.filename).filename)
                except BadFilename as error:
                    left.append(Left(place.path, f"it is not listed: {error.reason}"))
    return found, left


def _folder(source: Path) -> Path:
    folder = Path(os.path.abspath(os.path.expanduser(source)))
    if not folder.is_dir():
        raise SourceUnreadable(str(source), "there is no such directory")
    return folder


def _text(path: Path, most: int) -> str:
    try:
        return _bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceUnreadable(str(path), "it is no text in UTF-8") from None


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(most + 1)
    except OSError as error:
        raise SourceUnreadable(str(path), (error.strerror or str(error)).lower()) from error
    if len(body) > most:
        raise SourceUnreadable(str(path), f"it is larger than {most} bytes")
    return body
