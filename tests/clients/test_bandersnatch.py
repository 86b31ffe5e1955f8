"""bandersnatch mirrors all of an index of ours, and later what changed since: by serials alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.conftest import TWO_WORKERS, Clients
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live


@dataclass(frozen=True, slots=True)
class Second:
    """A second site, filled from the first one."""

    bandersnatch: Client
    folder: Path
    of: ServerProcess

    def mirror(self) -> str:
        """Run `bandersnatch mirror`, and return what it printed."""
        settings = self.folder / "bandersnatch.conf"
        settings.write_text(
            f"[mirror]\ndirectory = {self.folder / 'copy'}\nmaster = {self.of.url}\nallow-non-https = true\n"
            "api-method = simple\njson = true\ntimeout = 20\nworkers = 3\nhash-index = false\n"
            "stop-on-error = true\nsimple-format = ALL\n"
        )
        return self.bandersnatch.succeed("bandersnatch", "-c", settings, "mirror")

    @property
    def files(self) -> set[str]:
        """The names of the package files that it has."""
        found = (self.folder / "copy/web/packages").rglob("*")
        return {path.name for path in found if path.is_file() and path.suffix in (".whl", ".gz")}

    @property
    def serial(self) -> int:
        """Up to which change it is."""
        return int((self.folder / "copy/status").read_text())


def test_a_second_site_has_everything_and_then_what_changed(clients: Clients, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "acme-lib", "1.0")
    build_sdist(packages / "below", "acme-pure", "1.0")
    with ServerProcess(packages, home=tmp_path, options=TWO_WORKERS) as index:
        index.wait_until_listed("acme-lib", "acme-pure")
        second = Second(clients("bandersnatch"), tmp_path, index)

        second.mirror()
        first = second.files
        again = second.mirror()
        newest = build_wheel(packages, "acme-lib", "2.0")
        wait_until(lambda: index.get(f"/packages/{newest.name}").ok, what="the new file is served")
        after = second.mirror()
        serial = second.serial

        assert first == {"acme_lib-1.0-py3-none-any.whl", "acme_pure-1.0.tar.gz"}
        assert "0 packages to sync" in again
        assert "1 packages to sync" in after
        assert second.files == first | {newest.name}
        assert serial == int(index.get("/simple/").headers["X-PyPI-Last-Serial"])
