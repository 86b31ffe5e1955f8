"""The words of rights: what one may be allowed to do, and how somebody is named.

Apart from the rules: those need `packaging`, and a configuration is read in no time without it.
"""

from __future__ import annotations

from enum import Enum

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"
# What stands before the name of somebody: `token:ci-7`; a name alone is a user's.
WHO_KINDS = ("user", "token", "publisher")


class Right(str, Enum):
    """What one may be allowed; none of them contains another."""

    LIST = "list"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    OVERWRITE = "overwrite"
    YANK = "yank"
    DELETE = "delete"
    ADMIN = "admin"
