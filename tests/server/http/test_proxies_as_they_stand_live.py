"""What is shipped in `deploy/`, not changed at all: with the port, name, paths and users that it names.

A machine of its own for each: its network, its /etc, /run, /var/lib and /var/log are nobody else's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import make_authority
from tests.support.environment import scrubbed
from tests.support.imports import ROOT
from tests.support.missing_parts import PATH, program, without
from tests.support.shipped_proxies import APACHE, CADDY, DEPLOY, HAPROXY, KEY, NAME, NGINX, ShippedProxy
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

LONGEST_SECONDS = 120.0
WHEEL = "acme_large-1.0-py3-none-any.whl"
# As `useradd` makes it, and as the unit runs it. A checkout may lie where only root reads: so may this user.
SERVER = "setpriv --reuid 998 --regid 998 --clear-groups" + "".join(
    f" --{kind}-caps +dac_read_search" for kind in ("inh", "ambient")
)
MACHINE = f"""
set -eu
ip link set lo up
ip address add 10.1.2.3/32 dev lo
cp -a /etc etc
mount --bind etc /etc
for each in /run /var/lib /var/log; do mount -t tmpfs none $each; done
mkdir -p /var/log/nginx /var/log/apache2 /var/lib/nginx /run/pypitool /var/lib/pypitool/packages \\
    /etc/pypitool /etc/ssl/{NAME} /etc/nginx /etc/caddy /etc/haproxy
echo '127.0.0.1 localhost {NAME}' >/etc/hosts
echo 'pypitool:x:998:998::/var/lib/pypitool:/usr/sbin/nologin' >>/etc/passwd
echo 'pypitool:x:998:' >>/etc/group
cp packages/*.whl /var/lib/pypitool/packages/
cp server.pem /etc/ssl/{NAME}/fullchain.pem
cp server.key /etc/ssl/{NAME}/privkey.pem
cp config.toml /etc/pypitool/
chown -R pypitool:pypitool /var/lib/pypitool /run/pypitool
find /var/lib/pypitool -type d -exec chmod 0750 {{}} + , -type f -exec chmod 0640 {{}} +
(umask 0027; export STATE_DIRECTORY=/var/lib/pypitool HOME=/var/lib/pypitool; cd /var/lib/pypitool
 exec {SERVER} {sys.executable} -m pypitool serve --packages /var/lib/pypitool/packages) >server.log 2>&1 &
"""
ASKED = f"""
for _ in $(seq 300); do
    ! grep -q serves server.log || break
    sleep 0.1
done
for _ in $(seq 300); do
    code=$(curl -s -o page -w '%{{http_code}}' --cacert ca.pem https://{NAME}/pypi/simple/acme-large/) || true
    case $code in 200 | 502) break ;; esac
    sleep 0.1
done
echo "page $code"
for from in 127.0.0.1 10.1.2.3; do
    curl -s -o /dev/null -w 'metrics %{{http_code}}\n' --interface $from --cacert ca.pem https://{NAME}/pypi/metrics
done
curl -s -o got.whl -w 'file %{{http_code}}\\n' --cacert ca.pem https://{NAME}/pypi/packages/{WHEEL}
cmp got.whl packages/{WHEEL} && echo same bytes
SSL_CERT_FILE=$PWD/ca.pem REQUESTS_CA_BUNDLE=$PWD/ca.pem {sys.executable} -m pip install --quiet --no-deps \\
    --target target --index-url https://{NAME}/pypi/simple/ acme-large && echo installed
"""
GROUP = "usermod --append --groups pypitool www-data"
# As the unit of its package has it.
CADDYS = "setpriv --reuid caddy --regid caddy --clear-groups" + "".join(
    f" --{kind}-caps +net_bind_service" for kind in ("inh", "ambient")
)
DEBIANS_APACHE = (
    "cp {shipped} /etc/apache2/sites-available/pypitool.conf",
    "a2enmod -q ssl proxy_http headers && a2dissite -q 000-default && a2ensite -q pypitool",
    "sed -i 's/^Listen 80$//' /etc/apache2/ports.conf",
    "mkdir -p /run/lock /var/lock || true; apachectl -DFOREGROUND &",
)
WAYS = {
    "nginx": (NGINX, (GROUP, "cp {shipped} /etc/nginx/nginx.conf", "nginx -t", "nginx")),
    "HAProxy": (
        HAPROXY,
        (
            f"cat server.pem server.key >/etc/ssl/{NAME}/haproxy.pem",
            "cp {shipped} /etc/haproxy/haproxy.cfg",
            "haproxy -c -f /etc/haproxy/haproxy.cfg && haproxy -db -f /etc/haproxy/haproxy.cfg &",
        ),
    ),
    "Caddy": (
        CADDY,
        (
            "cp {shipped} /etc/caddy/Caddyfile",
            f"chmod 0600 {KEY} && chgrp caddy {KEY} && chmod 0640 {KEY}",
            "install -d -o caddy -g caddy /var/lib/caddy",
            f"HOME=/var/lib/caddy {CADDYS} caddy run --config /etc/caddy/Caddyfile >caddy.log 2>&1 &",
        ),
    ),
    "Apache": (APACHE, ("cp {shipped} /etc/pypitool/apache.conf", "apache2 -f /etc/pypitool/apache.conf")),
    "Apache as Debian has it": (APACHE, DEBIANS_APACHE),
}


def on_a_machine(folder: Path, proxy: ShippedProxy, lines: tuple[str, ...]) -> str:
    """Run the server and the proxy there, ask, and return what was answered and said."""
    if os.geteuid() != 0:
        without("a machine of its own is made by root")
    program(proxy.program)
    make_authority(folder, name=NAME)
    build_wheel(folder / "packages", "acme-large", "1.0", extra_files={"x.bin": os.urandom(300_000)})
    (folder / "config.toml").write_text(proxy.settings)
    shipped = shlex.quote(str(DEPLOY / proxy.file))
    script = "\n".join([MACHINE, *(line.format(shipped=shipped) for line in lines), ASKED])
    command = [program("unshare"), "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    more = {"PATH": f"{PATH}:/usr/sbin:/sbin", "PYTHONPATH": f"{ROOT}:{ROOT / 'server'}"}
    ended = subprocess.run(
        [*command, "sh", "-c", script], cwd=folder, env=scrubbed(os.environ, home=folder, **more),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    print((folder / "server.log").read_text())
    return ended.stdout


@pytest.mark.parametrize("way", WAYS)
def test_it_works_as_it_stands(way: str, tmp_path: Path) -> None:
    said = on_a_machine(tmp_path, *WAYS[way])

    # The numbers are open to the machine itself, and to nobody else whom the proxy brings.
    assert said.endswith("page 200\nmetrics 200\nmetrics 401\nfile 200\nsame bytes\ninstalled\n"), said


def test_without_the_group_of_the_socket_nginx_reaches_nothing(tmp_path: Path) -> None:
    proxy, lines = WAYS["nginx"]

    said = on_a_machine(tmp_path, proxy, tuple(line for line in lines if line != GROUP))

    assert "page 502" in said
