"""What one may be allowed to do."""

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
