"""The index of an export of devpi: one index is read, and what does not come along is named."""

from __future__ import annotations

from typing import Any

import pytest

from pypitool.core.moving.devpi_export import NoExport, WhichIndex, read_export
from pypitool.core.moving.move_plan import FileToMove

STAGE = {"type": "stage", "bases": []}


def entry(relpath: str, kind: str = "releasefile", **more: Any) -> dict[str, Any]:
    log = [
        {"what": "upload", "who": "ann", "when": [2024, 2, 29, 12, 0, 1], "dst": "acme/dev"},
        {"what": "push", "who": "bob", "when": [2025, 1, 1, 0, 0, 0], "dst": "acme/prod"},
    ]
    return {"type": kind, "relpath": relpath, "entrymapping": {"hash_spec": "sha256=ab"}, "log": log, **more}


def document(**indexes: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", "/"): one for name, one in indexes.items()}
    users = {"root": {}, "bob": {"pwhash": "x"}, "ann": {"pwhash": "x"}}
    return {"dumpversion": "2", "users": users, "indexes": named}


def test_a_file_keeps_who_uploaded_it_and_not_who_pushed_it() -> None:
    found = document(acme_dev={"indexconfig": STAGE, "files": [entry("acme/dev/a/1/a-1.tar.gz")]})

    export = read_export(found, "x", None)

    file = FileToMove("acme/dev/a/1/a-1.tar.gz", "a-1.tar.gz", "ab", "ann", "2024-02-29T12:00:01.000000Z")
    assert export.files == (file,)
    assert export.people == ("ann", "bob")


@pytest.mark.parametrize(
    "log",
    [
        None,
        [],
        ["odd"],
        [{"what": "upload", "who": None, "when": None}],
        [{"what": "upload", "who": "", "when": [2024, 13, 1, 0, 0, 0]}],
        [{"what": "upload", "when": ["a", "b", 1, 0, 0, 0]}],
    ],
)
def test_a_log_that_says_nothing_is_no_fault(log: object) -> None:
    found = document(acme_dev={"indexconfig": STAGE, "files": [entry("a-1.tar.gz", log=log)]})

    (file,) = read_export(found, "x", None).files

    assert (file.uploader, file.upload_time) == (None, None)


def test_a_file_without_a_log_is_as_old_as_it_was() -> None:
    mapping = {"hashes": {"sha256": "ab"}, "last_modified": "Thu, 29 Feb 2024 12:00:01 GMT"}
    found = document(
        acme_dev={"indexconfig": STAGE, "files": [entry("a-1.tar.gz", log=[], entrymapping=mapping)]}
    )

    (file,) = read_export(found, "x", None).files

    assert (file.sha256, file.upload_time) == ("ab", "2024-02-29T12:00:01.000000Z")


def test_documentation_and_paths_that_lead_out_are_listed() -> None:
    files = [entry("a.doc.zip", "doczip"), entry("../a-1.tar.gz"), entry("/a-1.tar.gz"), entry("t", "odd")]

    export = read_export(document(acme_dev={"indexconfig": STAGE, "files": files}), "x", None)

    assert export.files == ()
    assert [one.what for one in export.left] == ["a.doc.zip", "../a-1.tar.gz", "/a-1.tar.gz", "t"]


def test_of_several_indexes_one_has_to_be_named() -> None:
    found = document(acme_dev={"indexconfig": STAGE}, acme_prod={"indexconfig": STAGE})

    with pytest.raises(WhichIndex, match="acme/dev, acme/prod"):
        read_export(found, "x", None)
    with pytest.raises(WhichIndex):
        read_export(found, "x", "acme/test")
    assert read_export(found, "x", "acme/prod").index == "acme/prod"


def test_a_base_that_is_a_mirror_is_where_unknown_projects_are_sent() -> None:
    mirror = {"indexconfig": {"type": "mirror", "mirror_url": "https://index.acme.example/simple/"}}
    stage = {"type": "stage", "bases": ["acme/dev", "root/pypi"], "acl_upload": ["ann"], "volatile": True}
    found = document(root_pypi=mirror, acme_prod={"indexconfig": stage})

    export = read_export(found, "x", None)

    (given,) = export.given
    assert (given.path, given.text) == ("server.fallback-url", "https://index.acme.example/simple/")
    assert [one.what for one in export.left] == ["acl_upload = ann", "volatile = true", "base acme/dev"]


def test_without_a_mirror_nobody_is_sent_anywhere() -> None:
    (given,) = read_export(document(acme_dev={"indexconfig": STAGE}), "x", None).given

    assert (given.path, given.text) == ("server.disable-fallback", "true")


@pytest.mark.parametrize("found", [None, [], {}, {"indexes": []}, {"indexes": {}, "dumpversion": "3"}])
def test_what_is_no_export_is_refused(found: object) -> None:
    with pytest.raises(NoExport):
        read_export(found, "x", None)
