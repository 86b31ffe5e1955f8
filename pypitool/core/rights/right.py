"""What one may be allowed to do.

Apart from the rules: those need `packaging`, and a configuration is read in no time without it.
"""

from __future__ import annotations

from enum import Enum


class Right(str, Enum):
    """What one may be allowed; none of them contains another."""

    LIST = "list"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    OVERWRITE = "overwrite"
    YANK = "yank"
    DELETE = "delete"
    ADMIN = "admin"
