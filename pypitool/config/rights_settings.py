"""The settings of rights: who may do what, beyond the short form of `[auth]`."""

from __future__ import annotations

from dataclasses import dataclass

from pypitool.config.described import demanded, setting


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """`[[rule]]`: you may do what at least one rule that names you lets you."""

    line: int | None  # of its file, for who asks why
    who: tuple[str, ...] = demanded(
        "users, @groups, token:GLOB, publisher:GLOB, authenticated (with a password) or anonymous (everyone)",
        kind="who",
        example="@maintainers,deploy",
    )
    may: tuple[str, ...] = demanded(
        "some of list, download, upload, overwrite, yank, delete, admin (all of them)",
        kind="rights",
        example="list,download,upload,yank",
    )
    projects: tuple[str, ...] = setting(
        ("*",),
        "globs of project names; !GLOB takes names out of this rule",
        kind="project_globs",
        example="acme-*,!acme-secret",
    )
    from_: tuple[str, ...] | None = setting(
        None, "addresses or networks; default: everywhere", kind="addresses", example="10.0.0.0/8"
    )
