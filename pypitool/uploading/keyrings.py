"""The keyring of the person who runs the command, where the `keyring` library is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from logging import getLogger
from typing import Any

from pypitool.core.upload.credential_choice import Chosen, Offered

PLACE = "the keyring"
log = getLogger(__name__)


def from_keyring(service: str, chosen: Chosen) -> Offered:
    """Ask the keyring for the user that is known, else for whomever it knows; faults are told and passed."""
    if find_spec("keyring") is None:
        return Offered(PLACE)
    # Not one of our dependencies: it brings a cryptography library along, and few servers have a keyring.
    keyring: Any = import_module("keyring")
    errors: Any = import_module("keyring.errors")
    try:
        if chosen.user is not None:
            return Offered(PLACE, chosen.user, keyring.get_password(service, chosen.user))
        found = keyring.get_credential(service, None)
    except errors.NoKeyringError:
        return Offered(PLACE)
    except (errors.KeyringError, OSError, RuntimeError) as error:
        log.warning("%s cannot be asked: %s", PLACE, error)
        return Offered(PLACE)
    return Offered(PLACE) if found is None else Offered(PLACE, found.username or None, found.password)
