"""What is sent with a file, and which metadata is refused before."""

from __future__ import annotations

import pytest

from pypitool.core.filenames import parse
from pypitool.core.model import Digests
from pypitool.core.upload.fields import CheckedMetadata, check_metadata_body, form_fields

WHOLE = """\
Metadata-Version: 2.4
Name: Acme.Core
Version: 1.0
Summary: what it is
Keywords: one,two
Author-email: Jörg <j@acme.example>
License-Expression: MIT
License-File: LICENSE
License-File: NOTICE
Classifier: Typing :: Typed
Classifier: Private :: Do Not Upload
Platform: any
Supported-Platform: linux
Project-URL: Docs, https://acme.example/docs
Requires-Python: >=3.10
Requires-Dist: other>=1
Requires-Dist: more; extra == "all"
Provides-Extra: all
Dynamic: Platform
Description-Content-Type: text/markdown

# Acme
"""


def checked(text: str) -> CheckedMetadata:
    return check_metadata_body(text.encode())


def with_version(version: str, *lines: str) -> str:
    return "\n".join([f"Metadata-Version: {version}", "Name: a", "Version: 1.0", *lines, "", ""])


def test_every_field_is_named_as_indexes_read_it() -> None:
    found = checked(WHOLE)

    assert found.faults == found.warnings == ()
    assert set(found.fields) == {
        ("metadata_version", "2.4"),
        ("name", "Acme.Core"),
        ("version", "1.0"),
        ("summary", "what it is"),
        ("keywords", "one, two"),
        ("author_email", "Jörg <j@acme.example>"),
        ("license_expression", "MIT"),
        ("license_file", "LICENSE"),
        ("license_file", "NOTICE"),
        ("classifiers", "Typing :: Typed"),
        ("classifiers", "Private :: Do Not Upload"),
        ("platform", "any"),
        ("supported_platform", "linux"),
        ("project_urls", "Docs, https://acme.example/docs"),
        ("requires_python", ">=3.10"),
        ("requires_dist", "other>=1"),
        ("requires_dist", 'more; extra == "all"'),
        ("provides_extra", "all"),
        ("dynamic", "Platform"),
        ("description_content_type", "text/markdown"),
        ("description", "# Acme\n"),
    }
    assert (found.description, found.content_type) == ("# Acme\n", "text/markdown")


def test_the_form_says_what_the_file_is() -> None:
    digests = Digests("5a", "b2", "d5")
    found = checked(with_version("2.1"))

    wheel = dict(form_fields(parse("a-1.0-py2.py3-none-any.whl"), found, digests))
    sdist = dict(form_fields(parse("a-1.0.tar.gz"), found, digests))

    assert wheel == {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": "a",
        "version": "1.0",
        "filetype": "bdist_wheel",
        "pyversion": "py2.py3",
        "sha256_digest": "5a",
        "blake2_256_digest": "b2",
    }
    assert (sdist["filetype"], sdist["pyversion"]) == ("sdist", "source")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (with_version("2.1", "Dynamic: Platform"), "dynamic introduced in metadata version 2.2, not 2.1"),
        (with_version("2.0"), "'2.0' is not a valid metadata version"),
        (with_version("3.0"), "'3.0' is not a valid metadata version"),
        (with_version("2.1", "Requires-Python: soon"), "soon"),
        (with_version("2.1", "Requires-Dist: a b c"), "a b c"),
        (with_version("2.1", "Nonsense: 1"), "`nonsense` is unknown"),
        (with_version("2.1", "Summary: a", "Summary: b"), "`summary` is unknown, or there more than once"),
        (with_version("2.1", "Description-Content-Type: text/x-word"), "text/x-word"),
        ("Metadata-Version: 2.1\nName: a\nVersion: one\n\n", "one"),
    ],
)
def test_metadata_that_an_index_would_refuse_is_a_fault(text: str, fault: str) -> None:
    faults = checked(text).faults

    assert len(faults) == 1
    assert faults[0].startswith("its metadata is invalid: ")
    assert fault in faults[0]


def test_license_files_in_older_metadata_are_left_out() -> None:
    found = checked(with_version("2.1", "License-File: LICENSE"))

    assert found.faults == ()
    assert "license_file" not in dict(found.fields)


def test_newer_metadata_is_sent_with_a_warning_and_what_is_known_of_it_is_checked() -> None:
    fine = checked(with_version("2.99", "Brand-New: 1"))
    wrong = checked(with_version("2.99", "Requires-Python: soon"))

    assert fine.faults == ()
    assert fine.warnings == ("its metadata version 2.99 is newer than what can be checked here",)
    assert len(wrong.faults) == 1
