"""The tree that nginx serves: the very pages of pypitool as files, plain and compressed."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from pathlib import Path
from urllib.parse import urljoin

from bench.corpora import Corpus
from bench.http import JSON, Unexpected, fetch

ROOT = "/simple/"
_FIRST_SCAN = 300.0  # seconds, for the largest corpus on a slow disk


def page_path(project: str) -> str:
    """The path of a project's page."""
    return f"{ROOT}{project}/"


def render_tree(port: int, corpus: Corpus, packages: Path, tree: Path) -> Path:
    """Write what the rows ask nginx for, as the pypitool at `port` answers it now."""
    shutil.rmtree(tree, ignore_errors=True)
    for path in {ROOT, page_path(corpus.small_project), page_path(corpus.big_project)}:
        _write_page(port, path, tree, "json", JSON)
        _write_page(port, path, tree, "html", "text/html")
    for name in [corpus.small_wheel, *([corpus.huge_wheel] if corpus.huge else [])]:
        _write_file(port, file_path(port, name), packages / name, tree)
    return tree


def file_path(port: int, filename: str) -> str:
    """Find the path of a file where clients find it: on its project's page."""
    project = filename.split("-", 1)[0].replace("_", "-")
    deadline = time.monotonic() + _FIRST_SCAN
    answer = fetch(port, page_path(project), {"Accept": JSON})
    while answer.status == 503 and time.monotonic() < deadline:
        # It is reading the directory for the first time, and does not know the name yet.
        time.sleep(0.2)
        answer = fetch(port, page_path(project), {"Accept": JSON})
    for file in json.loads(answer.body).get("files", ()) if answer.status == 200 else ():
        if file["filename"] == filename:
            return str(urljoin(page_path(project), file["url"])).partition("#")[0]
    raise Unexpected("pypitool", page_path(project), answer.status, f"a page that lists {filename}")


def _write_page(port: int, path: str, tree: Path, suffix: str, accept: str) -> None:
    answer = fetch(port, path, {"Accept": accept})
    if answer.status != 200:
        raise Unexpected("pypitool", path, answer.status, 200)
    directory = tree / path.strip("/")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"index.{suffix}").write_bytes(answer.body)
    (directory / f"index.{suffix}.gz").write_bytes(gzip.compress(answer.body, mtime=0))


def _write_file(port: int, path: str, source: Path, tree: Path) -> None:
    target = tree / path.strip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)
    target.with_name(f"{target.name}.metadata").write_bytes(fetch(port, f"{path}.metadata").body)
