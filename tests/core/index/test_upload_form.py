"""The upload form: what it claims has to be true."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.filenames import parse
from pypitool.core.index.upload_form import (
    UploadForm,
    UploadRefused,
    check_digests,
    check_form,
    check_metadata,
)
from pypitool.core.model import Digests

BODY = b"the bytes of a file"
DIGESTS = Digests(
    hashlib.sha256(BODY).hexdigest(),
    hashlib.blake2b(BODY, digest_size=32).hexdigest(),
    hashlib.md5(BODY).hexdigest(),
)
LONG = hashlib.blake2b(BODY).hexdigest()
WHEEL = parse("foo_bar-1.0-py3-none-any.whl")
SDIST = parse("foo_bar-1.0.tar.gz")
EGG = parse("foo_bar-1.0-py2.7.egg")


def test_fields_are_taken_once_and_unknown_is_nothing() -> None:
    form = UploadForm.from_fields(
        [
            (":action", "file_upload"),
            ("name", " Foo.Bar "),
            ("name", "other"),
            ("version", "1.0"),
            ("comment", "UNKNOWN"),
            ("sha256_digest", ""),
            ("classifiers", "A"),
            ("__init__", "x"),
        ]
    )

    assert form == UploadForm(name="Foo.Bar", version="1.0")


@pytest.mark.parametrize(
    "form",
    [
        UploadForm(),
        UploadForm(name="Foo.Bar", version="1.0.0", filetype="bdist_wheel", protocol_version="1"),
        UploadForm(name="foo__BAR", version="v1.0"),
        UploadForm(filetype="bdist_dumb"),
    ],
)
def test_a_form_that_agrees_or_says_little_is_accepted(form: UploadForm) -> None:
    check_form(form, WHEEL)


def test_kinds_of_old_may_call_themselves_anything() -> None:
    check_form(UploadForm(filetype="bdist_egg"), EGG)
    check_form(UploadForm(filetype="sdist"), EGG)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (UploadForm(name="foo"), "the form names the project `foo`"),
        (UploadForm(version="1.1"), "the form names the version `1.1`"),
        (UploadForm(filetype="sdist"), "the form says that it is a sdist"),
        (UploadForm(protocol_version="2"), "the protocol version `2` is not known"),
        (UploadForm(name="foo\r\nbar"), "the form names the project `foo\\r\\nbar`"),
    ],
)
def test_a_form_that_speaks_of_another_file_is_refused(form: UploadForm, reason: str) -> None:
    with pytest.raises(UploadRefused) as caught:
        check_form(form, WHEEL)

    assert caught.value.reason == reason
    assert str(caught.value) == f"`foo_bar-1.0-py3-none-any.whl` is refused: {reason}"


def test_a_wheel_is_no_sdist() -> None:
    with pytest.raises(UploadRefused, match="it is a bdist_wheel"):
        check_form(UploadForm(filetype="bdist_wheel"), SDIST)


def test_an_upload_whose_metadata_is_in_doubt_is_refused() -> None:
    check_metadata(SDIST, "")
    with pytest.raises(UploadRefused, match="it holds no PKG-INFO"):
        check_metadata(SDIST, "it holds no PKG-INFO")


@pytest.mark.parametrize(
    "form",
    [
        UploadForm(),
        UploadForm(sha256_digest=DIGESTS.sha256, blake2_256_digest=DIGESTS.blake2b, md5_digest=DIGESTS.md5),
        UploadForm(sha256_digest=DIGESTS.sha256.upper()),
        UploadForm(blake2_256_digest=LONG),
        UploadForm(md5_digest=base64.b64encode(bytes.fromhex(DIGESTS.md5)).decode()),
    ],
    ids=["none", "all", "upper case", "of 512 bits", "base64"],
)
def test_true_digests_are_accepted(form: UploadForm) -> None:
    check_digests(form, "foo", DIGESTS, LONG if form.wants_long_blake2 else None)


@pytest.mark.parametrize("field", ["sha256_digest", "blake2_256_digest", "md5_digest"])
@pytest.mark.parametrize(
    "claimed", ["0" * 32, "0" * 64, "0" * 128, "x" * 64, "nonsense", "é" * 64, "0" * 10_000]
)
def test_every_digest_given_is_checked(field: str, claimed: str) -> None:
    form = UploadForm.from_fields([(field, claimed)])

    with pytest.raises(UploadRefused, match=field):
        check_digests(form, "foo", DIGESTS, LONG)


@given(st.text(max_size=130))
def test_any_claim_is_refused_or_true(claimed: str) -> None:
    form = UploadForm(sha256_digest=claimed, blake2_256_digest=claimed, md5_digest=claimed)

    with pytest.raises(UploadRefused):
        check_digests(form, "foo", DIGESTS)


@given(st.lists(st.tuples(st.sampled_from(["name", "version", "filetype", "pyversion", "x"]), st.text())))
def test_any_fields_agree_or_are_refused(fields: list[tuple[str, str]]) -> None:
    form = UploadForm.from_fields(fields)

    try:
        check_form(form, WHEEL)
    except UploadRefused as error:
        sentence = str(error)
    else:
        sentence = "accepted"

    assert sentence.isprintable()
