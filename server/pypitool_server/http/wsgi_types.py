"""The types of WSGI (PEP 3333), as the parts in front of Flask use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

Environ: TypeAlias = "dict[str, Any]"
Headers: TypeAlias = "list[tuple[str, str]]"
StartResponse: TypeAlias = "Callable[..., Any]"
Application: TypeAlias = "Callable[[Environ, StartResponse], Iterable[bytes]]"
