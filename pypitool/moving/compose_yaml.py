"""A compose file, read as YAML in which every plain word is a text."""

from __future__ import annotations

import re
from typing import Any

import yaml

from pypitool.core.moving.starting_line import CannotTell


class _Texts(yaml.SafeLoader):
    """`22:22` is a number of minutes to YAML 1.1, and `on` a truth: compose means what is written."""

    # The one word that stays what it is: the keys of another mapping.
    yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("<<"))]}  # noqa: RUF012


def parse_yaml(text: str, source: str) -> Any:
    """Read a document, or raise `CannotTell`."""
    try:
        return yaml.load(text, Loader=_Texts)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
    except (RecursionError, ValueError) as error:
        reason = str(error)
    raise CannotTell(source, f"it is no YAML: {reason}")
