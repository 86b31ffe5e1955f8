"""Three digests from one reading."""

from __future__ import annotations

import hashlib
import io

import pytest

from pypitool.archives.digest import Digester, FileChangedWhileRead, blake2b_512, digest_stream

BODY = bytes(range(256)) * 10_000


def test_a_stream_gives_the_digests_that_pages_show() -> None:
    digests = digest_stream(io.BytesIO(BODY), len(BODY))

    assert digests.sha256 == hashlib.sha256(BODY).hexdigest()
    assert digests.blake2b == hashlib.blake2b(BODY, digest_size=32).hexdigest()
    assert digests.md5 == hashlib.md5(BODY).hexdigest()


def test_pieces_give_the_digests_of_the_whole() -> None:
    digester = Digester()

    for start in range(0, len(BODY), 1000):
        digester.update(BODY[start : start + 1000])

    assert digester.size == len(BODY)
    assert digester.digests() == digest_stream(io.BytesIO(BODY))


def test_a_file_that_grew_or_shrank_is_noticed() -> None:
    with pytest.raises(FileChangedWhileRead, match="7 bytes instead of 8"):
        digest_stream(io.BytesIO(b"7 bytes"), 8)


def test_the_long_digest_of_old_clients_can_be_had() -> None:
    assert blake2b_512(io.BytesIO(BODY)) == hashlib.blake2b(BODY).hexdigest()
