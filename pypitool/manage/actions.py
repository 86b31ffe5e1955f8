"""Every action of management: one row each, by what it works on."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from pypitool.core.model import ProjectStatus
from pypitool.core.rights.right import Right
from pypitool.manage.action import Action, Field, Who, optional
from pypitool.manage.audit import AuditRecord
from pypitool.manage.projects import Projects
from pypitool.manage.runs import Runs
from pypitool.manage.users import Rights, Tokens, Users

_DELETED = (
    optional("version"),
    optional("file"),
    optional("dry_run", bool),
    optional("serial", int),
)
_TOKEN = (Field("name"), optional("projects", list), Field("may", list), optional("expires"))
_QUESTION = (Field("who"), Field("action", Right), Field("project"), optional("from", ip_address))

ACTIONS: Mapping[type, tuple[Action, ...]] = {
    Projects: (
        Action("GET", "projects", Who.ANYBODY, Projects.listed),
        Action("GET", "projects/<name>", Right.LIST, Projects.project),
        Action("GET", "projects/<name>/<version>", Right.LIST, Projects.release),
        Action("POST", "projects/<name>/yank", Right.YANK, Projects.yank,
               (Field("version"), optional("reason"))),
        Action("POST", "projects/<name>/unyank", Right.YANK, Projects.unyank, (Field("version"),)),
        Action("POST", "projects/<name>/delete", Right.DELETE, Projects.delete, _DELETED),
        Action("POST", "projects/<name>/status", Right.YANK, Projects.set_status,
               (Field("status", ProjectStatus), optional("reason")), asks=Projects.right_for_status),
        Action("GET", "projects/<name>/owners", Right.ADMIN, Projects.owners),
        Action("PUT", "projects/<name>/owners", Right.ADMIN, Projects.set_owners, (Field("owners", list),)),
        # Whoever has the name elsewhere is installed from then on: that is decided by who decides on owners.
        Action("POST", "projects/<name>/give-up-name", Right.ADMIN, Projects.give_up_name),
    ),
    Users: (
        Action("GET", "users", Who.ADMIN, Users.listed),
        Action("PUT", "users/<path:name>", Who.ADMIN, Users.set_password, (Field("password"),)),
        Action("DELETE", "users/<path:name>", Who.ADMIN, Users.remove),
        Action("POST", "users/<path:name>/check", Who.ADMIN, Users.check, (Field("password"),)),
    ),
    Tokens: (
        Action("GET", "tokens", Who.ANYBODY, Tokens.listed),
        # A token that has leaked must not outlive itself: it makes no other.
        Action("POST", "tokens", Who.PERSON, Tokens.create, _TOKEN, status=201),
        Action("DELETE", "tokens/<path:word>", Who.ANYBODY, Tokens.revoke),
        Action("DELETE", "users/<path:name>/tokens", Who.ANYBODY, Tokens.revoke_all),
    ),
    Runs: (
        Action("GET", "runs", Who.ADMIN, Runs.listed),
        Action("GET", "runs/<int:number>", Who.ADMIN, Runs.run),
    ),
    Rights: (
        Action("GET", "may", Who.ANYBODY, Rights.may, _QUESTION),
    ),
    AuditRecord: (
        Action("GET", "audit", Who.ADMIN, AuditRecord.lines,
               (optional("since"), optional("project"), optional("user"))),
        Action("GET", "audit/downloads/<name>/<version>", Who.ADMIN, AuditRecord.downloads),
    ),
}  # fmt: skip
