"""Which addresses of pages and redirects are gone to."""

from __future__ import annotations

import pytest

from pypitool.core.address_judgement import WebAddress, may_see_credentials, refusal

PUBLIC = WebAddress("https://index.example/simple/", ("192.0.2.1",))
PLAIN = WebAddress("http://index.example/simple/", ("192.0.2.1",))
HERE = WebAddress("http://index.example/", ("127.0.0.1",))
LOCAL = WebAddress("http://127.0.0.1:8080/simple/")
LINK = WebAddress("http://169.254.7.7/simple/")
UNKNOWN = WebAddress("https://index.example/simple/")

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
        (PUBLIC, WebAddress("https://files.example/a", ("192.0.2.9",)), None, None),
        (PUBLIC, WebAddress("https://files.example/a"), PUBLIC.url, None),
        (PUBLIC, WebAddress("https://10.1.2.3/a"), None, None),
        (PLAIN, WebAddress("http://files.example:8081/a", ("192.0.2.9",)), None, None),
        (PLAIN, WebAddress("https://files.example/a", ("192.0.2.9",)), PLAIN.url, None),
        # Never from https to http, in no hop.
        (PUBLIC, WebAddress("http://files.example/a"), None, NOT_HTTPS),
        (PUBLIC, WebAddress("http://index.example/a"), None, NOT_HTTPS),
        (PUBLIC, WebAddress("http://files.example/a"), "https://index.example/a", NOT_HTTPS),
        (PLAIN, WebAddress("http://index.example/a"), "https://files.example/a", NOT_HTTPS),
        # Not to this machine, however it is written.
        (PLAIN, WebAddress("http://127.0.0.1/a"), None, MACHINE),
        (PLAIN, WebAddress("http://127.9.9.9:22599/latest"), PLAIN.url, MACHINE),
        (PLAIN, WebAddress("http://localhost/a"), None, MACHINE),
        (PLAIN, WebAddress("http://x.LOCALHOST./a"), None, MACHINE),
        (PLAIN, WebAddress("http://0.0.0.0/a"), None, MACHINE),
        (PLAIN, WebAddress("http://[::1]/a"), None, MACHINE),
        (PLAIN, WebAddress("http://[::]/a"), None, MACHINE),
        (PLAIN, WebAddress("http://[::ffff:127.0.0.1]/a"), None, MACHINE),
        (PLAIN, WebAddress("http://[64:ff9b::7f00:1]/a"), None, MACHINE),
        (PLAIN, WebAddress("http://user:word@127.0.0.1/a"), None, MACHINE),
        (PLAIN, WebAddress("http://\uff11\uff12\uff17.0.0.1/a"), None, MACHINE),
        (PLAIN, WebAddress("http://evil.example/a", ("192.0.2.9", "127.0.0.1")), None, MACHINE),
        (UNKNOWN, WebAddress("https://127.0.0.1/a"), None, MACHINE),
        (LINK, WebAddress("http://127.0.0.1/a"), None, MACHINE),
        # Nor to link-local addresses.
        (PLAIN, WebAddress("http://169.254.169.254/latest/meta-data"), None, LINK_LOCAL),
        (PLAIN, WebAddress("http://[fe80::1]/a"), None, LINK_LOCAL),
        (PLAIN, WebAddress("http://[::ffff:169.254.169.254]/a"), None, LINK_LOCAL),
        (PLAIN, WebAddress("http://evil.example/a", ("169.254.169.254",)), None, LINK_LOCAL),
        (LOCAL, WebAddress("http://169.254.169.254/latest/meta-data"), LOCAL.url, LINK_LOCAL),
        # Unless the index is there itself.
        (LOCAL, WebAddress("http://localhost:9090/a"), None, None),
        (LINK, WebAddress("http://169.254.8.8/a"), None, None),
        (HERE, WebAddress("http://127.0.0.1:81/a"), None, None),
        (HERE, WebAddress("http://index.example:81/a"), None, None),
        # What is no address, or two.
        (PLAIN, WebAddress("http://[bad/a"), None, NONE),
        (PLAIN, WebAddress("http://host:99999999/a"), None, NONE),
        (PLAIN, WebAddress("file:///etc/passwd"), None, NONE),
        (PLAIN, WebAddress("ftp://files.example/a"), None, NONE),
        (PLAIN, WebAddress("//files.example/a"), None, NONE),
        (PLAIN, WebAddress("http:///a"), None, NONE),
        (PLAIN, WebAddress(""), None, NONE),
        (PLAIN, WebAddress("http://127.1/a"), None, NONE),
        (PLAIN, WebAddress("http://2130706433/a"), None, NONE),
        (PLAIN, WebAddress("http://0x7f.0x1/a"), None, NONE),
        (PLAIN, WebAddress("http://127.0.0.1\\@files.example/a"), None, NONE),
        (PLAIN, WebAddress("http://files.example\n.example/a"), None, NONE),
        (PLAIN, WebAddress("\x00http://files.example/a"), None, NONE),
    ],
)  # fmt: skip
def test_an_address_is_judged_by_its_way_and_its_place(
    index: WebAddress, target: WebAddress, before: str | None, is_what: str | None
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
