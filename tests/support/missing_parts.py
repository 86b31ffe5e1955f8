"""What a test does that needs a part of the machine that is not there: it is skipped; in CI it fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


class PartMissing(Exception):
    """A program, or something that is made with one, cannot be had on this machine."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")


def without(reason: object) -> NoReturn:
    """Skip the test for this reason; where everything has to be there, fail."""
    if "CI" in os.environ:
        pytest.fail(f"this has to be there: {reason}")
    pytest.skip(str(reason))


def program(name: str) -> str:
    """Return where a program of the system is, or go without the test."""
    found = shutil.which(name, path=PATH)
    return found if found is not None else without(f"{name} is not installed")
