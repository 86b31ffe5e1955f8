"""File names: what a hundred tools wrote in fifteen years, and what nobody may write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.filenames import BadFilename, is_ignored, parse
from pypitool.core.model import FileKind
from pypitool.core.names import normalize
from pypitool.core.versions import printed

WHEEL, SDIST, LEGACY = FileKind.WHEEL, FileKind.SDIST, FileKind.LEGACY

TABLE = [
    # today's
    ("foo-1.0-py3-none-any.whl", "foo", "1.0", WHEEL, "py3"),
    ("foo_bar-1.0-py2.py3-none-any.whl", "foo-bar", "1.0", WHEEL, "py2.py3"),
    ("Foo.Bar-1.0-py3-none-any.whl", "foo-bar", "1.0", WHEEL, "py3"),
    ("foo-1.0-1-py3-none-any.whl", "foo", "1.0", WHEEL, "py3"),
    ("pywin32-217-55-cp27-none-win32.whl", "pywin32", "217", WHEEL, "cp27"),
    ("foo-1!2.0+local.1-cp312-cp312-linux_x86_64.win32.whl", "foo", "1!2.0+local.1", WHEEL, "cp312"),
    ("foo-01.0-py3-none-any.whl", "foo", "1.0", WHEEL, "py3"),
    ("foo-1.0_post1-py3-none-any.whl", "foo", "1.0.post1", WHEEL, "py3"),
    ("foo-1.0.tar.gz", "foo", "1.0", SDIST, "source"),
    ("foo_bar-1.0.tar.gz", "foo-bar", "1.0", SDIST, "source"),
    ("Foo.Bar_baz-1.0.zip", "foo-bar-baz", "1.0", SDIST, "source"),
    ("foo-1.0.ZIP", "foo", "1.0", SDIST, "source"),
    ("foo-1.0.Tar.Gz", "foo", "1.0", SDIST, "source"),
    ("foo-1!2.0+local.1.tar.gz", "foo", "1!2.0+local.1", SDIST, "source"),
    ("foo-1.0rc1.tar.gz", "foo", "1.0rc1", SDIST, "source"),
    ("foo-v1.0.tar.gz", "foo", "1.0", SDIST, "source"),
    ("0-0.tar.gz", "0", "0", SDIST, "source"),
    # names with dashes, made before PEP 625
    ("foo-bar-1.0.tar.gz", "foo-bar", "1.0", SDIST, "source"),
    ("ABC12-34_V1X-1.2.3.zip", "abc12-34-v1x", "1.2.3", SDIST, "source"),
    ("A100-200-XYZ-1.2.3.zip", "a100-200-xyz", "1.2.3", SDIST, "source"),
    ("flask-2fa-0.1.zip", "flask-2fa", "0.1", SDIST, "source"),
    ("django-1.8-compat-0.1.tar.gz", "django-1-8-compat", "0.1", SDIST, "source"),
    ("package-123-2013.02.17.dev123.zip", "package-123", "2013.2.17.dev123", SDIST, "source"),
    ("package-123-20000101.zip", "package-123", "20000101", SDIST, "source"),
    ("package-20000101.zip", "package", "20000101", SDIST, "source"),
    # versions with dashes that PEP 440 knows
    ("foo-1.0-1.tar.gz", "foo", "1.0.post1", SDIST, "source"),
    ("foo-1.0-r12.tar.gz", "foo", "1.0.post12", SDIST, "source"),
    ("flup-1.0.3.dev-20110405.tar.gz", "flup", "1.0.3.dev20110405", SDIST, "source"),
    ("flup-123-1.0.3.dev-20110405.tar.gz", "flup-123", "1.0.3.dev20110405", SDIST, "source"),
    ("package-1.0.0-alpha.1.zip", "package", "1.0.0a1", SDIST, "source"),
    ("package-123-1.0.0-alpha.1.zip", "package-123", "1.0.0a1", SDIST, "source"),
    ("package-1.3.7+build.11.e0f985a.zip", "package", "1.3.7+build.11.e0f985a", SDIST, "source"),
    ("pytz-2013b.tar.gz", "pytz", "2013b0", SDIST, "source"),
    # versions that it refuses
    ("foo-1.0-custom.tar.gz", "foo", "1.0-custom", SDIST, "source"),
    ("package-v1-8.1.301.ga0df26f.zip", "package-v1", "8.1.301.ga0df26f", SDIST, "source"),
    ("search-0.5-brainbot-1-20120713.zip", "search", "0.5-brainbot-1-20120713", SDIST, "source"),
    ("name-0.0.1.dev0.linux-x86_64.tar.gz", "name", "0.0.1.dev0.linux-x86_64", SDIST, "source"),
    ("name-0.0.1.dev0.macosx-10.10-intel.tar.gz", "name", "0.0.1.dev0.macosx-10.10-intel", SDIST, "source"),
    ("foo-2x-custom.tar.gz", "foo", "2x-custom", SDIST, "source"),
    # of old
    ("pytz-2012b.tgz", "pytz", "2012b0", LEGACY, "source"),
    ("pytz-2012b.tar.bz2", "pytz", "2012b0", LEGACY, "source"),
    ("pytz-2012b.tar.xz", "pytz", "2012b0", LEGACY, "source"),
    ("setuptools-0.6c11-py2.7.egg", "setuptools", "0.6rc11", LEGACY, "2.7"),
    ("greenlet-0.3.4-py3.1-win-amd64.egg", "greenlet", "0.3.4", LEGACY, "3.1"),
    ("greenlet-0.3.4-py2.7-linux-x86_64.egg", "greenlet", "0.3.4", LEGACY, "2.7"),
    ("foo_bar-1.0-py2.7.egg", "foo-bar", "1.0", LEGACY, "2.7"),
    ("foo-1.0.egg", "foo", "1.0", LEGACY, "any"),
    ("gevent-1.0b1.win32-py2.6.exe", "gevent", "1.0b1", LEGACY, "2.6"),
    ("greenlet-0.3.4.win-amd64-py3.2.exe", "greenlet", "0.3.4", LEGACY, "3.2"),
    ("foo-1.0.win32.exe", "foo", "1.0", LEGACY, "any"),
    ("foo-1.0-py2.7.exe", "foo", "1.0", LEGACY, "2.7"),
    ("gevent-1.0b1.win32-py2.7.msi", "gevent", "1.0b1", LEGACY, "2.7"),
    ("Foo-1.0.WIN32-PY2.7.MSI", "foo", "1.0", LEGACY, "2.7"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("filename", "project", "version", "kind", "tag"), TABLE, ids=[row[0] for row in TABLE]
)
def test_a_name_is_read(filename: str, project: str, version: str, kind: FileKind, tag: str) -> None:
    found = parse(filename)

    assert (found.project, found.version, found.kind, found.python_tag) == (project, version, kind, tag)
    assert found.filename == filename
    assert not is_ignored(filename)


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        ("../foo-1.0.tar.gz", "ASCII"),
        ("a/foo-1.0.tar.gz", "ASCII"),
        ("foo-1.0.tar.gz\n", "ASCII"),
        ("foo-1.0\x00.tar.gz", "ASCII"),
        ("foo-1.0\r\nX: y.tar.gz", "ASCII"),
        ("föö-1.0.tar.gz", "ASCII"),
        ("föö-1.0-py3-none-any.whl", "ASCII"),
        ("foo-1.0\udcff.tar.gz", "ASCII"),
        ("foo 1.0.tar.gz", "ASCII"),
        ("_foo-1.0.tar.gz", "ASCII"),
        ("-1.0.tar.gz", "ASCII"),
        (".foo-1.0.tar.gz", "ASCII"),
        ("", "ASCII"),
        ("f" * 300 + "-1.0.tar.gz", "longer than 200 bytes"),
        ("foo-1.0.tar", "ends in none of"),
        ("foo-1.0.tar.Z", "ends in none of"),
        ("foo-1.0.tar.zst", "ends in none of"),
        ("foo-1.0.deb", "ends in none of"),
        ("foo-1.0-py3-none-any.WHL", "ends in none of"),
        ("foo-1.0-py3-none-any.whl.metadata", "ends in none of"),
        ("foo-1.0.tar.gz.asc", "ends in none of"),
        ("foo.zip", "no version"),
        ("foo-.tar.gz", "no version"),
        ("a-b-c.tar.gz", "no version"),
        ("foo-bar.zip", "no version"),
        (".tar.gz", "ASCII"),
        ("1.0.tar.gz", "no version"),
        ("foo_-1.0.tar.gz", "no valid project name"),
        ("foo.whl", "not a wheel's name"),
        ("foo-py3-none-any.whl", "not a wheel's name"),
        ("foo-bar-py3-none-any.whl", "`bar` in it is no version"),
        ("invalid_version-2010i-py3-none-any.whl", "`2010i` in it is no version"),
        ("foo-1.0-x1-py3-none-any.whl", "`x1` in it is no build number"),
        ("foo-1.0-q-py3-none-any.whl", "`q` in it is no build number"),
        ("foo-1.0-1-2-py3-none-any.whl", "not a wheel's name"),
        ("foo_-1.0-py3-none-any.whl", "no valid project name"),
        ("foo-1.0-py3--any.whl", "wheel's name|tags are damaged"),
        ("foo-1.0--none-any.whl", "wheel's name|tags are damaged"),
        ("foo-1.0-py3-none-.whl", "wheel's name|tags are damaged"),
        ("foo-1.0-3-none-any.whl", "wheel's name|tags are damaged"),
        ("foo-1.0-py3.-none-any.whl", "wheel's name|tags are damaged"),
        ("foo-1.0.exe", "no installer"),
        ("putty-0.81.MSI", "no installer"),
    ],
)
def test_what_no_tool_writes_is_refused_with_a_reason(filename: str, reason: str) -> None:
    with pytest.raises(BadFilename) as caught:
        parse(filename)

    assert re.search(reason, caught.value.reason)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "filename",
    [
        "README.txt",
        "index.html",
        ".foo-1.0.tar.gz",
        "foo-1.0.tar.gz.asc",
        "foo-1.0-py3-none-any.whl.metadata",
        "setup.exe",
        "putty.msi",
        "foo-1.0.exe",
        "foo",
        "",
    ],
)
def test_what_is_simply_no_package_is_ignored(filename: str) -> None:
    assert is_ignored(filename)


@pytest.mark.parametrize("filename", ["foo.zip", "foo-bar.whl", "föö-1.0.tar.gz", "foo-1.0\udcff.tar.gz"])
def test_what_looks_like_a_package_is_not_ignored_but_reported(filename: str) -> None:
    assert not is_ignored(filename)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Foo.Bar-1.0.tar.gz", "foo_bar-1.0.0.tar.gz"),
        ("foo-1.0.zip", "FOO-1.0.ZIP"),
        ("Foo.Bar-1.0-py3-none-any.whl", "foo_bar-1.0.0-py3-none-any.whl"),
        ("foo-1.0-py2.py3-none-any.whl", "foo-1.0-py3.py2-none-any.whl"),
        ("foo-1.0-01-py3-none-any.whl", "foo-1.0-1-py3-none-any.whl"),
        ("foo-1.0-py2.7.egg", "Foo-1.0.0-py2.7.egg"),
        ("foo-1.0-Custom.zip", "foo-1.0-custom.zip"),
    ],
)
def test_two_spellings_of_one_file_have_one_release_key(one: str, other: str) -> None:
    assert parse(one).release_key == parse(other).release_key


def test_different_files_of_a_release_have_different_keys() -> None:
    filenames = [
        "foo-1.0.tar.gz",
        "foo-1.0.zip",
        "foo-1.0.tgz",
        "foo-1.0+a.tar.gz",
        "foo-1.0-py3-none-any.whl",
        "foo-1.0-1-py3-none-any.whl",
        "foo-1.0-2-py3-none-any.whl",
        "foo-1.0-cp312-none-any.whl",
        "foo-1.0-py3-abi3-any.whl",
        "foo-1.0-py3-none-win32.whl",
        "foo-1.0-py2.7.egg",
        "foo-1.0-py2.6.egg",
        "foo-1.0-py2.7-win32.egg",
        "foo-1.0.win32-py2.7.exe",
        "foo-1.0.win-amd64-py2.7.exe",
        "foo-1.0.win32-py2.7.msi",
    ]

    keys = {parse(filename).release_key for filename in filenames}

    assert len(keys) == len(filenames)


def test_the_legacy_api_has_a_word_for_each_kind() -> None:
    types = {
        "foo-1.0-py3-none-any.whl": "bdist_wheel",
        "foo-1.0.zip": "sdist",
        "foo-1.0.tgz": "sdist",
        "foo-1.0-py2.7.egg": "bdist_egg",
        "foo-1.0.win32-py2.7.exe": "bdist_wininst",
        "foo-1.0.win32-py2.7.msi": "bdist_msi",
    }

    assert {filename: parse(filename).package_type for filename in types} == types


NAMES = st.from_regex(r"[A-Za-z]([A-Za-z0-9_.]{0,10}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(
    r"([1-9]!)?[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?", fullmatch=True
)


@given(NAMES, VERSIONS)
def test_every_modern_sdist_name_gives_back_its_parts(name: str, version: str) -> None:
    found = parse(f"{name}-{version}.tar.gz")

    assert found.project == normalize(name)
    assert found.version == printed(version)
    assert found.release_key == parse(f"{name.upper()}-{version}.tar.gz").release_key


@given(st.text(max_size=60), st.sampled_from([".whl", ".tar.gz", ".zip", ".egg", ".exe", ".msi", ".tgz", ""]))
def test_any_text_is_parsed_or_refused(text: str, extension: str) -> None:
    filename = text + extension
    is_ignored(filename)

    try:
        found = parse(filename)
    except BadFilename as error:
        sentence = str(error)
    else:
        sentence = f"{found.project} {found.version}"

    assert sentence.isprintable()
    assert sentence.strip() == sentence


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,40}", fullmatch=True),
    st.sampled_from([".whl", ".zip", ".egg", ".exe"]),
)
def test_any_text_of_safe_characters_is_parsed_or_refused(stem: str, extension: str) -> None:
    try:
        found = parse(stem + extension)
    except BadFilename:
        return

    assert parse(stem + extension) == found
    # Or an upload would be lost with the next catalogue, which is read from the directory.
    assert not is_ignored(stem + extension)
