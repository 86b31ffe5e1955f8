"""Whatever stands in the files of other servers, reading them ends with a plan or a sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.errors import PypitoolError
from pypitool.core.moving.bandersnatch_files import files_of, read_mirror
from pypitool.core.moving.devpi_export import read_export
from pypitool.core.moving.pypi_server_words import read_words
from pypitool.core.moving.service_files import read_compose, read_unit
from pypitool.core.moving.starting_line import read_start, split

WORDS = st.sampled_from(
    ["pypi-server", "run", "-P", "-p8", "--", "-", "-o", "--port=", "docker", "-v", "a:/b", "--mount",
     "type=bind,source=/a,target=/data", "pypiserver/pypiserver", "-m", "pypiserver", "sh", "-c", "~", "$X",
     "%h", "~/p", "/srv", "&&", "-e", "X=y", "--log", "", "'"]
)  # fmt: skip
LINES = st.lists(WORDS, max_size=8).map(" ".join)
NAMES = st.sampled_from(
    ["services", "image", "command", "volumes", "entrypoint", "type", "source", "target", "indexes", "files",
     "log", "users", "indexconfig", "bases", "entrymapping", "hashes", "relpath", "releases", "digests",
     "dumpversion", "mirror_url", "a/b"]
)  # fmt: skip
PLAIN = st.sampled_from(
    [
        None,
        True,
        0,
        2,
        "",
        "2",
        "stage",
        "mirror",
        "releasefile",
        "upload",
        "pypiserver/pypiserver",
        "run -P . /data",
    ]
)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)


@given(LINES)
def test_any_line_is_read_or_refused(line: str) -> None:
    with suppress(PypitoolError):
        read_words(read_start(split(line, "x"), "x", "/here", None))


@given(
    st.lists(LINES.map(lambda line: f"ExecStart={line}") | st.sampled_from(["[Service]", "=", "User=", "\\"]))
)
def test_any_unit_is_read_or_refused(lines: list[str]) -> None:
    with suppress(PypitoolError):
        read_words(read_unit("\n".join(["[Service]", *lines]), "x", None))


@given(DOCUMENTS)
def test_any_compose_file_is_read_or_refused(document: object) -> None:
    with suppress(PypitoolError):
        read_words(read_compose(document, "x", "/srv", None))
    with suppress(PypitoolError):
        read_words(read_compose({"services": {"a": document}}, "x", "/srv", None))


@pytest.mark.parametrize("key", ["files", "log", "users", "bases", "entrymapping", "hashes", "indexconfig"])
@pytest.mark.parametrize("value", [None, 2, "text", [2], {"a": 2}])
def test_an_export_may_have_anything_anywhere(key: str, value: object) -> None:
    entry = {"type": "releasefile", "relpath": "a-1.tar.gz", "entrymapping": {"hashes": {}}, "log": []}
    index = {"indexconfig": {"type": "stage", "bases": []}, "files": [entry]}
    document = {"dumpversion": "2", "indexes": {"a/b": index}, "users": {}}
    for holder in (document, index, index["indexconfig"], entry, entry["entrymapping"]):
        if key in holder:
            holder[key] = value  # type: ignore[index]

    with suppress(PypitoolError):
        read_export(document, "x", None)


@given(DOCUMENTS)
def test_any_export_is_read_or_refused(document: object) -> None:
    index = {"indexconfig": {"type": "stage", "bases": ["a/b"]}, "files": [document]}
    for one in (document, {"dumpversion": "2", "indexes": {"a/b": document}, "users": document}):
        with suppress(PypitoolError):
            read_export(one, "x", None)
    with suppress(PypitoolError):
        read_export({"dumpversion": "2", "indexes": {"a/b": index}}, "x", None)


@given(DOCUMENTS, st.text(max_size=200))
def test_any_mirror_is_read_or_refused(document: object, text: str) -> None:
    list(files_of(document))
    with suppress(PypitoolError):
        read_mirror(f"[mirror]\n{text}", "x")
