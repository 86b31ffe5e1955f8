"""A process that publishes into a catalogue: `python -m tests.catalogue.writer CATALOGUE PROJECT COUNT`.

It prints the version of each file once it is live."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pypitool.catalogue.sqlite import SqliteCatalogue
from tests.catalogue.held import pending, uploaded, wheel
from tests.support.imports import ROOT

THREADS = 4


def start_writer(catalogue: Path, project: str, count: int) -> subprocess.Popen[bytes]:
    """Start the process."""
    command = [sys.executable, "-m", "tests.catalogue.writer", str(catalogue), project, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)


def main() -> None:
    """Publish `count` wheels of a project, with several threads."""
    path, project, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    catalogue = SqliteCatalogue(path)

    def publish(number: int) -> None:
        body = f"Name: {project}\nVersion: {number}"
        file = uploaded(wheel(project, str(number), metadata=body))
        catalogue.begin_publish(pending(file), body.encode(), overwrite=False)
        catalogue.finish_publish(file)
        os.write(1, f"{number}\n".encode())

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(publish, range(count)))
    catalogue.close()


if __name__ == "__main__":
    main()
