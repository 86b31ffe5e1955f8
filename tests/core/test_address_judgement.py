"""Which addresses of pages and redirects are gone to."""

from __future__ import annotations

import pytest

from pypitool.core.address_judgement import Place, may_see_credentials, refusal

PUBLIC = Place("https://index.example/simple/", ("192.0.2.1",))
PLAIN = Place("http://index.example/simple/", ("192.0.2.1",))
LOCAL = Place("http://127.0.0.1:8080/simple/")
LINK = Place("http://169.254.7.7/simple/")
UNKNOWN = Place("https://index.example/simple/")

MACHINE, LINK_LOCAL, NONE, NOT_HTTPS = (
    "an address of this machine",
    "a link-local address",
    "no http address",
    "not https",
)


@pytest.mark.parametrize(
    ("index", "target", "before", "is_what"),
    [
        # Any host may have the files.
        (PUBLIC, Place("https://files.example/a", ("192.0.2.9",)), None, None),
        (PUBLIC, Place("https://files.example/a"), PUBLIC.url, None),
        (PUBLIC, Place("https://10.1.2.3/a"), None, None),
        (PLAIN, Place("http://files.example:8081/a", ("192.0.2.9",)), None, None),
        (PLAIN, Place("https://files.example/a", ("192.0.2.9",)), PLAIN.url, None),
        # Never from https to http, in no hop.
        (PUBLIC, Place("http://files.example/a"), None, NOT_HTTPS),
        (PUBLIC, Place("http://index.example/a"), None, NOT_HTTPS),
        (PUBLIC, Place("http://files.example/a"), "https://index.example/a", NOT_HTTPS),
        (PLAIN, Place("http://index.example/a"), "https://files.example/a", NOT_HTTPS),
        # Not to this machine, however it is written.
        (PLAIN, Place("http://127.0.0.1/a"), None, MACHINE),
        (PLAIN, Place("http://127.9.9.9:22599/latest"), PLAIN.url, MACHINE),
        (PLAIN, Place("http://localhost/a"), None, MACHINE),
        (PLAIN, Place("http://x.LOCALHOST./a"), None, MACHINE),
        (PLAIN, Place("http://0.0.0.0/a"), None, MACHINE),
        (PLAIN, Place("http://[::1]/a"), None, MACHINE),
        (PLAIN, Place("http://[::]/a"), None, MACHINE),
        (PLAIN, Place("http://[::ffff:127.0.0.1]/a"), None, MACHINE),
        (PLAIN, Place("http://[64:ff9b::7f00:1]/a"), None, MACHINE),
        (PLAIN, Place("http://user:word@127.0.0.1/a"), None, MACHINE),
        (PLAIN, Place("http://\uff11\uff12\uff17.0.0.1/a"), None, MACHINE),
        (PLAIN, Place("http://evil.example/a", ("192.0.2.9", "127.0.0.1")), None, MACHINE),
        (UNKNOWN, Place("https://127.0.0.1/a"), None, MACHINE),
        (LINK, Place("http://127.0.0.1/a"), None, MACHINE),
        # Nor to link-local addresses.
        (PLAIN, Place("http://169.254.169.254/latest/meta-data"), None, LINK_LOCAL),
        (PLAIN, Place("http://[fe80::1]/a"), None, LINK_LOCAL),
        (PLAIN, Place("http://[::ffff:169.254.169.254]/a"), None, LINK_LOCAL),
        (PLAIN, Place("http://evil.example/a", ("169.254.169.254",)), None, LINK_LOCAL),
        (LOCAL, Place("http://169.254.169.254/latest/meta-data"), LOCAL.url, LINK_LOCAL),
        # Unless the index is there itself.
        (LOCAL, Place("http://localhost:9090/a"), None, None),
        (LINK, Place("http://169.254.8.8/a"), None, None),
        (Place("http://index.example/", ("127.0.0.1",)), Place("http://127.0.0.1:81/a"), None, None),
        (Place("http://index.example/", ("127.0.0.1",)), Place("http://index.example:81/a"), None, None),
        # What is no address, or two.
        (PLAIN, Place("http://[bad/a"), None, NONE),
        (PLAIN, Place("http://host:99999999/a"), None, NONE),
        (PLAIN, Place("file:///etc/passwd"), None, NONE),
        (PLAIN, Place("ftp://files.example/a"), None, NONE),
        (PLAIN, Place("//files.example/a"), None, NONE),
        (PLAIN, Place("http:///a"), None, NONE),
        (PLAIN, Place(""), None, NONE),
        (PLAIN, Place("http://127.1/a"), None, NONE),
        (PLAIN, Place("http://2130706433/a"), None, NONE),
        (PLAIN, Place("http://0x7f.0x1/a"), None, NONE),
        (PLAIN, Place("http://127.0.0.1\\@files.example/a"), None, NONE),
        (PLAIN, Place("http://files.example\n.example/a"), None, NONE),
        (PLAIN, Place("\x00http://files.example/a"), None, NONE),
    ],
)  # fmt: skip
def test_an_address_is_judged_by_its_way_and_its_place(
    index: Place, target: Place, before: str | None, is_what: str | None
) -> None:
    assert refusal(index, target, before) == is_what


@pytest.mark.parametrize(
    ("index", "url", "seen"),
    [
        ("https://index.example/simple/", "https://index.example/files/a", True),
        ("https://index.example:443/simple/", "https://INDEX.example/files/a", True),
        ("http://index.example/simple/", "https://index.example/files/a", True),
        ("http://index.example:8080/simple/", "https://index.example/files/a", False),
        ("https://index.example/simple/", "http://index.example/files/a", False),
        ("https://index.example/simple/", "https://index.example:8443/files/a", False),
        ("https://index.example/simple/", "https://files.example/a", False),
        ("https://index.example/simple/", "https://index.example@evil.example/a", False),
        ("https://index.example/simple/", "https://index.example\\@evil.example/a", False),
    ],
)
def test_credentials_go_to_their_own_index(index: str, url: str, seen: bool) -> None:
    assert may_see_credentials(index, url) is seen
