from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pypitool.__main__ import main
from tests.cli.conftest import Ended
from tests.support.upstream import FakeUpstream, Offer
from tests.support.wheels import Release, wheel_bytes, wheel_filename

CONFIG = """
[server]
packages = "packages"

[upstream.fake]
index = "{url}"
retries = 0

[targets]
linux = {{ python = "3.12", platform = "manylinux_2_39_x86_64" }}
windows = {{ python = "3.12", platform = "win_amd64" }}

[set.backend]
requirements = "backend.txt"
{more}
"""


def wheel(
    name: str, version: str, *requires: str, tags: str = "py3-none-any", extra: bytes = b"", **more: Any
) -> Offer:
    release = Release(name, version, requires)
    body = wheel_bytes(release, tags=tags, extra_files={"extra": extra} if extra else {})
    return Offer(wheel_filename(release, tags=tags), body, metadata=release.metadata(), **more)


@dataclass
class Site:
    """A directory with a configuration, an upstream, and the commands that work on them."""

    path: Path
    fake: FakeUpstream
    capsys: pytest.CaptureFixture[str]
    more: str = ""
    arguments: list[str] = field(default_factory=list)

    @property
    def packages(self) -> Path:
        return self.path / "packages"

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    def offer(self, *offers: Offer) -> None:
        for offer in offers:
            project = offer.filename.partition("-")[0].replace("_", "-")
            self.fake.index.offers.setdefault(project, []).append(offer)

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_text(text)
        return path

    def run(self, *words: str) -> Ended:
        """Run a command with the configuration."""
        self.config.write_text(CONFIG.format(url=self.fake.url, more=self.more))
        return self.bare(*words, "--config", str(self.config))

    def bare(self, *words: str) -> Ended:
        """Run a command without a configuration."""
        self.capsys.readouterr()
        code = main(list(words))
        return Ended(code, *self.capsys.readouterr())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.packages.glob("*.*") if path.is_file())


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    with FakeUpstream() as fake:
        yield Site(tmp_path, fake, capsys)


def lines(ended: Ended) -> list[dict[str, Any]]:
    """The JSON lines on standard output."""
    return [json.loads(line) for line in ended.out.splitlines()]
