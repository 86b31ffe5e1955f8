"""A machine with a real systemd as its process 1: a Debian of packages alone, without a network.

It has been booted once for all tests, is used by one at a time, and has pypitool from a wheel in /opt. It
lacks `kill`, as small systems do.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pypitool import __version__
from tests.support.debian import copy_of
from tests.support.imports import ROOT
from tests.support.missing_parts import program, without
from tests.support.processes import Process, children_of, is_alive
from tests.support.waiting import wait_until

LONGEST_RUN = 300.0
# Who started one and is not the last to use it leaves it running.
_STARTED: list[subprocess.Popen[bytes]] = []
PROGRAM = "/opt/pypitool/bin/pypitool"
BEFORE = "0.0.9"  # what an upgrade begins with
_INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
# nspawn wants a bus of this machine, or a place of its own under /run that nobody else sees. What a unit ends
# are all processes of its control group: two machines at once must not share theirs.
_GROUPS = tuple(map(Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")))
_BOOT = """
group=$1; shift
for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    if [ -w $root/cgroup.procs ]; then mkdir -p $root/$group && echo $$ > $root/$group/cgroup.procs; fi
done
mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn
exec "$@"
"""


class CommandFailed(AssertionError):
    """A command in the machine ended with another code than 0."""

    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"{ended.args} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")


@dataclass(frozen=True)
class Booted:
    """The machine; what is written below `root` is there at once."""

    folder: Path

    @property
    def name(self) -> str:
        """What no other machine here is called."""
        return f"pypitool-{self.folder.stat().st_ino}"

    @property
    def root(self) -> Path:
        """Its root directory, as it is called outside."""
        return self.folder / "root"

    def path(self, inside: str) -> Path:
        """Where one of its files lies outside."""
        return self.root / inside.lstrip("/")

    def try_to(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of root's to its end, whatever that is."""
        enter = ["nsenter", "--target", str(self._init()), "--all", "--root", "--wd", "--", *words]
        return subprocess.run(
            enter, env=_INSIDE, input=stdin, capture_output=True, text=True, errors="replace",
            timeout=LONGEST_RUN, check=False,
        )  # fmt: skip

    def do(self, *words: str, stdin: str = "") -> str:
        """Run a command of root's that must end with 0, and return what it printed."""
        ended = self.try_to(*words, stdin=stdin)
        if ended.returncode:
            raise CommandFailed(ended)
        return ended.stdout

    def pypitool(self, *words: str, stdin: str = "") -> str:
        """Run a command of pypitool, as root, that must end with 0."""
        return self.do(PROGRAM, *words, stdin=stdin)

    def show(self, unit: str, what: str) -> str:
        """Return a property of a unit."""
        return self.do("systemctl", "show", f"--property={what}", "--value", unit).strip()

    def log(self, unit: str = "pypitool") -> str:
        """Return what a unit has written since the machine was reset."""
        self.do("journalctl", "--sync")
        return self.do("journalctl", "--unit", unit, "--output=cat", "--no-pager", "--boot")

    def ask(self, path: str, *options: str, port: int = 8080) -> str:
        """Return the status and the body of what is at a path of a server there."""
        net = ["nsenter", "--target", str(self._init()), "--net", program("curl")]
        said = ["--silent", "--max-time", "60", "--write-out", "\n%{http_code}", *options]
        ended = subprocess.run(
            [*net, *said, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=False,
            timeout=LONGEST_RUN,
        )  # fmt: skip
        body, _, status = ended.stdout.rpartition("\n")
        return f"{status} {body}"

    def serves(self, path: str = "/health") -> bool:
        """Say whether a server answers there, and well."""
        return self.ask(path).startswith("200 ")

    def install(self, which: str = "now") -> None:
        """Install pypitool of the tree, or what was `before`."""
        (wheel,) = self.path(f"/wheels-of-ours/{which}").iterdir()
        pip = ["/opt/pypitool/bin/pip", "install", "--quiet", "--no-index", "--force-reinstall", "--no-deps"]
        self.do(*pip, f"/{wheel.relative_to(self.root)}")

    def boot(self) -> None:
        """Switch it on, and wait until all of it has been started."""
        words = [
            program("systemd-nspawn"), "--quiet", f"--directory={self.root}", f"--machine={self.name}",
            "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot",
        ]  # fmt: skip
        with (self.folder / "console").open("ab") as console:
            process = subprocess.Popen(
                ["unshare", "--mount", "--propagation=private", "sh", "-c", _BOOT, "sh", self.name, *words],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            )  # fmt: skip
        _STARTED.append(process)
        (self.folder / "pid").write_text(str(process.pid))
        wait_until(lambda: process.poll() is not None or self._is_up(), what="the machine is up")
        if process.poll() is not None:
            without(f"systemd does not boot: {(self.folder / 'console').read_text()[-2000:]}")

    def cut_power(self) -> None:
        """End everything in it at once."""
        init = self._init()
        os.kill(init, signal.SIGKILL)
        self._wait_until_off()

    def end(self) -> None:
        """Switch it off, and take away what it was kept together by."""
        if self.is_on:
            self.cut_power()
        for root in _GROUPS:
            for group in sorted((root / self.name).rglob("*/"), reverse=True):
                with suppress(OSError):
                    group.rmdir()
            with suppress(OSError):
                (root / self.name).rmdir()

    def reboot(self) -> None:
        """Let it end in good order, and switch it on again."""
        self.try_to("systemctl", "poweroff")
        self._wait_until_off()
        self.boot()

    def reset(self) -> None:
        """Make it one that has never seen pypitool's service."""
        units = self.path("/etc/systemd/system")
        ours = [path.name for path in units.glob("pypitool*") if path.is_file()]
        if ours:
            self.try_to("systemctl", "disable", "--now", *ours)
        for place in ("/etc/pypitool", "/var/lib/pypitool", "/var/log/pypitool", "/srv"):
            shutil.rmtree(self.path(place), ignore_errors=True)
        for path in units.glob("pypitool*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.path("/srv").mkdir()
        self.try_to("userdel", "pypitool")
        self.do("systemctl", "daemon-reload")
        self.try_to("systemctl", "reset-failed")
        self.do("journalctl", "--rotate", "--vacuum-size=1", "--quiet")

    @property
    def is_on(self) -> bool:
        """Whether it is running."""
        pid = self.folder / "pid"
        return pid.exists() and is_alive(int(pid.read_text()))

    def _is_up(self) -> bool:
        return self._child() is not None and self.try_to("systemctl", "is-system-running").stdout.strip() in (
            "running",
            "degraded",
        )

    def server(self) -> list[Process]:
        """List the processes of the server, its parent first, as they are called outside."""
        parent = next(one for one in children_of(self._init()) if f"{PROGRAM} serve" in one.command)
        return [parent, *children_of(parent.pid)]

    def _init(self) -> int:
        init = self._child()
        assert init is not None, "the machine is off"
        return init

    def _child(self) -> int | None:
        """Return its process 1, as it is called outside: the child of nspawn."""
        nspawn = int((self.folder / "pid").read_text())
        try:
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        except FileNotFoundError:
            return None
        return int(children[0]) if children else None

    def _wait_until_off(self) -> None:
        wait_until(lambda: not self.is_on, what="the machine is off")
        for process in _STARTED:
            process.poll()


@contextmanager
def shared_machine(folder: Path, debian: Path, wheels: Path) -> Iterator[Booted]:
    """Give the machine in this folder, which the first who wants it boots, and the last one switches off."""
    machine, users = Booted(folder), folder / "users"
    folder.mkdir(exist_ok=True)
    with alone(folder):
        count = int(users.read_text()) if users.exists() else 0
        if not machine.root.exists():
            _make(machine, debian, wheels)
        if not machine.is_on:
            machine.boot()
        users.write_text(str(count + 1))
    try:
        yield machine
    finally:
        with alone(folder):
            count = int(users.read_text()) - 1
            users.write_text(str(count))
            if count == 0:
                machine.end()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold off the other workers of pytest."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(machine: Booted, debian: Path, wheels: Path) -> None:
    if os.geteuid() != 0:
        without("systemd-nspawn needs root")
    program("systemd-nspawn")
    root = copy_of(debian, machine.folder / "root.partial")
    (root / "usr/bin/kill").unlink()
    (root / "etc/hosts").write_text("127.0.0.1 localhost index\n")
    (root / "etc/hostname").write_text("index\n")
    shutil.copytree(wheels, root / "wheels")
    ours = root / "wheels-of-ours"
    _build(ROOT, ours / "now", wheels)
    _build(_older(machine.folder / "older"), ours / "before", wheels)
    (now,) = (ours / "now").glob("*.whl")
    _in(root, "python3", "-m", "venv", "/opt/pypitool")
    pip = ("/opt/pypitool/bin/pip", "install", "--quiet", "--no-index", "--find-links", "/wheels")
    _in(root, *pip, f"/{now.relative_to(root)}")
    root.rename(machine.root)


def _older(folder: Path) -> Path:
    """Copy the tree, with the number of an earlier version."""
    shutil.copytree(ROOT / "pypitool", folder / "pypitool")
    shutil.copytree(ROOT / "server", folder / "server")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("pyproject.toml", "pypitool/__init__.py"):
        path = folder / name
        path.write_text(path.read_text().replace(f'"{__version__}"', f'"{BEFORE}"', 1))
    return folder


def _build(tree: Path, folder: Path, wheels: Path) -> None:
    words = ["wheel", "--quiet", "--no-deps", "--no-index", "--find-links", str(wheels), "-w", str(folder)]
    ended = subprocess.run(
        [sys.executable, "-m", "pip", *words, str(tree)], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise CommandFailed(ended)


def _in(root: Path, *words: str) -> None:
    ended = subprocess.run(
        ["chroot", str(root), *words], env=_INSIDE, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise CommandFailed(ended)
