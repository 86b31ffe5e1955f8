"""What docs/behind-a-proxy.md says of other prefixes, sockets and directories, done to what is shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority, make_authority
from tests.support.imports import ROOT
from tests.support.server import ServerProcess, free_port
from tests.support.shipped_proxies import (
    APACHE,
    CADDY,
    HAPROXY,
    NGINX,
    SHIPPED,
    SOCKET,
    UPSTREAM,
    Places,
    ShippedProxy,
)
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

DOCUMENT = (ROOT / "docs" / "behind-a-proxy.md").read_text()
BASE = 'server-base-url = "/pypi/"\n'
NGINX_START = (
    "        location = / {\n            absolute_redirect off;\n            return 302 /pypi/;\n        }\n"
)
# What the table of the document says of each, and what goes away.
AT_THE_ROOT = {
    NGINX: {"location ~ ^/pypi(/|$) {": "location ~ ^/ {", NGINX_START: ""},
    CADDY: {"@pypi path /pypi /pypi/*": "@pypi path /*", "redir / /pypi/ 302": ""},
    HAPROXY: {
        "http-request redirect location /pypi/ code 302 if { path / }": "",
        "http-request deny deny_status 404 unless { path /pypi } or { path_beg /pypi/ }": "",
    },
    APACHE: {
        "ProxyPass /pypi/ http://127.0.0.1:8080/pypi/ nocanon ttl=20 ping=30": (
            "ProxyPass / http://127.0.0.1:8080/ nocanon ttl=20 ping=30"
        ),
        "ProxyPassMatch ^/pypi$ http://127.0.0.1:8080 ttl=20 ping=30\n": "\n",
        "RedirectMatch 302 ^/$ /pypi/": "",
        "RedirectMatch 404 ^/(?!pypi(/|$)).+": "",
    },
}
OTHER_PREFIX = {"/pypi/": "/index/", "/pypi ": "/index ", "/pypi(": "/index(", "/pypi$": "/index$"}
BY_SOCKET = {
    CADDY: {f"reverse_proxy {UPSTREAM}": "reverse_proxy unix/{socket}"},
    HAPROXY: {f"server pypitool {UPSTREAM}": "server pypitool unix@{socket}"},
    APACHE: {
        f"ProxyPass /pypi/ http://{UPSTREAM}/pypi/": "ProxyPass /pypi/ unix:{socket}|http://localhost/pypi/",
        f"ProxyPassMatch ^/pypi$ http://{UPSTREAM}": "ProxyPassMatch ^/pypi$ unix:{socket}|http://localhost",
    },
}


LOGIN = ("ann", "of-ann")
RULES = """
[auth]
header = "Remoteuser"
[[rule]]
who = ["ann"]
may = ["list"]
projects = ["acme-large"]
[[rule]]
who = ["root"]
may = ["admin"]
"""
LOGIN_MODULES = "".join(
    f"    LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
    for name in ("authn_core", "authn_file", "auth_basic", "authz_user")
)
# A login at the proxy, and what docs/rights.md says of the name.
NAMES = {
    NGINX: {
        'proxy_set_header Remoteuser "";': (
            "proxy_set_header Remoteuser $remote_user; auth_basic pypi; auth_basic_user_file HTPASSWD;"
        )
    },
    CADDY: {
        "request_header -Remoteuser": "request_header -Remoteuser\n\tbasicauth {\n\t\tann HASHED\n\t}",
        "transport http {": "header_up Remoteuser {http.auth.user.id}\n\t\t\ttransport http {",
    },
    HAPROXY: {
        "frontend pypi\n": "userlist people\n    user ann insecure-password of-ann\n\nfrontend pypi\n",
        "http-request del-header (?i)^Remoteuser$ -m reg\n": (
            "http-request del-header (?i)^Remoteuser$ -m reg\n"
            "    http-request auth realm pypi unless { http_auth(people) }\n"
            "    http-request set-header Remoteuser %[http_auth_user]\n"
        ),
    },
    APACHE: {
        "    ServerName pypi.acme.example\n    ServerRoot": (
            f"{LOGIN_MODULES}    ServerName pypi.acme.example\n    ServerRoot"
        ),
        "RequestHeader unset Remoteuser": (
            "<Location />\n AuthType Basic\n AuthName pypi\n AuthUserFile HTPASSWD\n Require valid-user\n"
            "</Location>\n    RequestHeader set Remoteuser expr=%{REMOTE_USER}"
        ),
    },
}


class Asked:
    """The addresses of a server at its proxy."""

    def __init__(self, url: str, authority: Authority, server: ServerProcess) -> None:
        self.url = url
        self.server = server
        self._authority = authority

    def get(self, path: str, *, auth: tuple[str, str] | None = None, **headers: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(self._authority.ca)
            return session.get(self.url + path, timeout=60, auth=auth, headers=headers)


@contextmanager
def behind(
    proxy: ShippedProxy, home: Path, *, edits: Mapping[str, str], settings: Mapping[str, str], prefix: str,
    packages: tuple[Path, ...] = (), more: str = "",
) -> Iterator[Asked]:  # fmt: skip
    """Serve behind what is shipped after these edits, below a prefix."""
    folder = home / "proxy"
    folder.mkdir()
    places = Places(folder, free_port(), free_port(), home / "packages", make_authority(folder))
    build_wheel(places.packages, "acme-large", "1.0", extra_files={"x.bin": bytes(range(256)) * 400})
    build_wheel(places.packages, "acme-secret", "1.0")
    told = dict(edits)
    edited = replace(proxy, replaced=lambda where: {**told, **without(proxy.replaced(where), told)})
    text = proxy.settings_at(places)
    for line, other in settings.items():
        assert line in text.replace(f"port = {places.server}", "port = 8080"), line
        text = text.replace(line.replace("8080", str(places.server)), other)
    config = home / "config.toml"
    config.write_text(text + more)
    directories = " ".join(map(str, packages or (places.packages,)))
    line = f"--config {config} serve --disable-fallback {directories}"
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(home=home, line=line, ready_path=None))
        wait_until(lambda: "serves" in server.log, what="the server serves")
        url = stack.enter_context(edited.running(places)).removesuffix("/pypi")
        asked = Asked(url + prefix, places.authority, server)
        ann = LOGIN if more else None
        wait_until(lambda: asked.get("/simple/acme-large/", auth=ann).ok, what="its files are listed")
        yield asked


def without(table: Mapping[str, str], edits: Mapping[str, str]) -> dict[str, str]:
    """Leave out the address that an edit has replaced already."""
    gone = " ".join(edits)
    kept = " ".join(edits.values())
    return {
        key: value
        for key, value in table.items()
        if UPSTREAM not in key or UPSTREAM not in gone or key in kept
    }


def works(asked: Asked) -> None:
    """Ask for a page by another spelling, for a file, and for the address that the start page shows."""
    page = asked.get("/simple/Acme.Large/")
    assert (page.url, page.status_code) == (f"{asked.url}/simple/acme-large/", 200)
    file = asked.get("/packages/acme_large-1.0-py3-none-any.whl")
    assert len(file.content) > 1000
    assert f"{asked.url}/simple/" in asked.get("/").text
    assert asked.get("").url == f"{asked.url}/"


@pytest.mark.parametrize("proxy", SHIPPED, ids=str)
def test_without_a_prefix(proxy: ShippedProxy, tmp_path: Path) -> None:
    with behind(proxy, tmp_path, edits=AT_THE_ROOT[proxy], settings={BASE: ""}, prefix="") as asked:
        works(asked)


@pytest.mark.parametrize("proxy", SHIPPED, ids=str)
def test_with_another_prefix(proxy: ShippedProxy, tmp_path: Path) -> None:
    edits = {old: new for old, new in OTHER_PREFIX.items() if old in proxy.text}

    with behind(proxy, tmp_path, edits=edits, settings={"/pypi/": "/index/"}, prefix="/index") as asked:
        works(asked)


@pytest.mark.parametrize("proxy", BY_SOCKET, ids=str)
def test_by_a_socket(proxy: ShippedProxy, tmp_path: Path, socket: Path) -> None:
    edits = {line: other.format(socket=socket) for line, other in BY_SOCKET[proxy].items()}
    # Whose group a proxy has is tried with nginx, unchanged.
    open_to_all = f'unix-socket = "{socket}"\nunix-socket-mode = "0666"'
    settings = {'host = "127.0.0.1"\n': "", "port = 8080": open_to_all}
    settings |= {'trusted-proxies = ["127.0.0.1"]': 'trusted-proxies = ["unix"]'}

    with behind(proxy, tmp_path, edits=edits, settings=settings, prefix="/pypi") as asked:
        works(asked)


@pytest.fixture
def socket() -> Iterator[Path]:
    """A path that other users get to, unlike those below a test's folder."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "s"


@pytest.mark.parametrize("proxy", SHIPPED, ids=str)
def test_a_proxy_that_knows_who_people_are(proxy: ShippedProxy, tmp_path: Path, socket: Path) -> None:
    htpasswd = write_htpasswd(socket.with_name("htpasswd"), dict([LOGIN]))
    hashed = htpasswd.read_text().strip().partition(":")[2]
    table = {
        line: other.replace("HTPASSWD", str(htpasswd)).replace("HASHED", hashed)
        for line, other in NAMES[proxy].items()
    }

    with behind(proxy, tmp_path, edits=table, settings={}, prefix="/pypi", more=RULES) as asked:
        seen = [
            asked.get("/simple/acme-large/", auth=login, **headers).status_code
            for login in (None, ("ann", "wrong"), LOGIN)
            for headers in ({}, {"Remoteuser": "root"})
        ]
        listed = asked.get("/simple/", auth=LOGIN, Remoteuser="root").text

    assert seen == [401, 401, 401, 401, 200, 200]
    assert "acme-large" in listed
    assert "acme-secret" not in listed


def test_a_proxy_that_takes_the_prefix_away(tmp_path: Path) -> None:
    edits = {
        "location ~ ^/pypi(/|$) {": "location /pypi/ {",
        "proxy_pass http://pypitool;": "proxy_pass http://pypitool/;",
        'proxy_set_header X-Forwarded-Prefix "";': "proxy_set_header X-Forwarded-Prefix /pypi;",
    }

    with behind(NGINX, tmp_path, edits=edits, settings={BASE: ""}, prefix="/pypi") as asked:
        works(asked)


def test_several_directories_have_their_numbers(tmp_path: Path) -> None:
    ours, mirror = tmp_path / "packages", tmp_path / "mirror"
    build_wheel(mirror, "acme-mirrored", "1.0", extra_files={"x.bin": bytes(100_000)})
    location = re.search(r"^ *location \^~ /pypitool-files/ \{.*?^        \}\n", NGINX.text, re.M | re.S)
    assert location
    kept = "".join(re.findall(r"^ +(?:etag|max_ranges|add_header).*\n", location[0], re.M))
    lines = re.findall(r"^location \^~ /pypitool-files/.*", DOCUMENT, re.MULTILINE)
    assert len(lines) == 2
    both = "\n".join(line.replace("include pypitool-file.conf;", kept) for line in lines)
    both = both.replace("/srv/ours/", f"{ours}/").replace("/srv/mirror/", f"{mirror}/")
    edits = {location[0]: both + "\n"}
    numbered = replace(
        NGINX,
        replaced=lambda places: {
            line: other for line, other in NGINX.replaced(places).items() if not line.startswith("alias")
        },
    )

    with behind(
        numbered, tmp_path, edits=edits, settings={}, prefix="/pypi", packages=(ours, mirror)
    ) as asked:  # fmt: skip
        works(asked)
        wait_until(lambda: asked.get("/simple/acme-mirrored/").ok, what="the other directory is listed")
        mirrored = asked.get("/packages/acme_mirrored-1.0-py3-none-any.whl")

    assert mirrored.content == (mirror / "acme_mirrored-1.0-py3-none-any.whl").read_bytes()
    assert mirrored.headers["X-Content-Type-Options"] == "nosniff"


def test_the_document_says_what_was_tried() -> None:
    for words in (
        "location ~ ^/ {",
        "@pypi path /*",
        "ProxyPass / http://127.0.0.1:8080/ nocanon ttl=20 ping=30",
    ):
        assert f"`{words}`" in DOCUMENT
    assert f"server pypitool unix@{SOCKET}" in DOCUMENT
