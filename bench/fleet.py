"""The servers of one run: started when a row first needs them, stopped at its end."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bench import servers
from bench.catalogued import wait_until_catalogued
from bench.corpora import Corpus, make
from bench.rendered import page_path, render_tree
from bench.servers import Server
from tests.support.accounts import htpasswd_line

USER, PASSWORD = "bench", "a-password-of-some-length"
# What a server answers with 200 when it is ready, where that is no page of the corpus.
READY = {servers.PYPITOOL: "/health", servers.DEVPI: "/+api"}
OPEN = ("-a", ".", "-P", ".")


class Fleet:
    """Hand out running servers by name, corpus and variant."""

    def __init__(self, work: Path) -> None:
        """Prepare an empty fleet that keeps its files below `work`."""
        self._work = work
        self._running: dict[tuple[str, str, str], Server] = {}
        self._missing: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def missing(self) -> dict[str, str]:
        """The servers that could not be started, and why."""
        return dict(self._missing)

    @property
    def scratch(self) -> Path:
        """Where logs and small files of the run go."""
        return self._directory("run")

    def get(self, name: str, corpus: Corpus, variant: str = "") -> Server | None:
        """Return a running server; None when this machine has none of that name."""
        key = name, corpus.name, variant if name == servers.PYPITOOL else ""
        if name in self._missing:
            return None
        if key not in self._running:
            try:
                self._running[key] = self._start(*key, corpus)
            except servers.Unavailable as error:
                if name == servers.PYPITOOL:
                    raise
                self._missing[name] = str(error)
        return self._running.get(key)

    def packages(self, corpus: Corpus, owner: str = servers.PYPITOOL) -> Path:
        """Make a corpus for one owner: an upload to one server must not disturb another."""
        return make(corpus, self._directory("corpora") / f"{owner}-{corpus.name}")

    def new(self, corpus: Corpus, options: Sequence[str] = OPEN, *, state: Path | None = None) -> Server:
        """Prepare a pypitool of its own on a corpus; the caller starts and stops it."""
        scratch = self.scratch
        return servers.pypitool(scratch, self.packages(corpus), state or self.state(corpus), options)

    def state(self, corpus: Corpus) -> Path:
        """The state directory that knows a corpus from earlier."""
        return self._directory("state") / corpus.name

    def fresh_state(self) -> Path:
        """A state directory that knows nothing."""
        state = self._directory("state") / "fresh"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        return state

    def release(self, name: str, corpus: Corpus) -> None:
        """Stop every variant of a server, for a row that starts its own on the same state."""
        for key in [key for key in self._running if key[:2] == (name, corpus.name)]:
            self._running.pop(key).stop()

    def _start(self, name: str, corpus_name: str, variant: str, corpus: Corpus) -> Server:
        server = self._prepare(name, variant, corpus)
        server.start(READY.get(name) or page_path(corpus.small_project))
        self._stack.callback(server.stop)
        if name == servers.PYPITOOL:
            wait_until_catalogued(server.port, corpus)
        return server

    def _prepare(self, name: str, variant: str, corpus: Corpus) -> Server:
        if name == servers.PYPITOOL:
            return self.new(corpus, self._options(variant))
        if name == servers.PYPISERVER:
            return servers.pypiserver(self.scratch, self.packages(corpus, name))
        if name == servers.DEVPI:
            return servers.devpi(self.scratch, self.scratch / f"devpi-{corpus.name}")
        ours = self.get(servers.PYPITOOL, corpus)
        assert ours is not None
        tree = self._directory("trees") / corpus.name
        return servers.nginx(self.scratch, render_tree(ours.port, corpus, self.packages(corpus), tree))

    def _options(self, variant: str) -> Sequence[str]:
        if variant == "auth":
            passwords = self.scratch / "htpasswd"
            passwords.write_text(htpasswd_line(USER, PASSWORD, rounds=10))
            return ["-a", "list,download,update", "-P", str(passwords)]
        return [*OPEN, "--workers", "2"] if variant == "two workers" else OPEN

    def _directory(self, name: str) -> Path:
        directory = self._work / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory
