"""The application factory: everything is built here, nothing at import."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

from pypitool.access.rules import rules_of
from pypitool.config.settings import Settings
from pypitool.repository.repository import Repository
from pypitool_server.access.access import Access, authentication_of
from pypitool_server.http.browser import browser_of
from pypitool_server.http.lingering import Lingering
from pypitool_server.http.proxies import ExternalAddress, TrustedProxies, variable_of
from pypitool_server.http.slow_connections import Answers
from pypitool_server.http.thread_budget import ThreadBudget
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.replay.cache import BoundedCache
from pypitool_server.replay.freshness import Freshness
from pypitool_server.replay.front import Observe, ReadyAnswer, ReplayFront
from pypitool_server.replay.rendered import RenderedPages
from pypitool_server.services import Services, attach
from pypitool_server.views.install import install_views

# Of the memory for ready answers, the part that keeps pages for requests that are not quite alike
# (another ETag, HEAD, another right); the bytes themselves are the same objects.
RENDERED_SHARE = 4

Verify = Callable[[str, str], bool]


def create_app(
    settings: Settings,
    *,
    repository: Repository | None = None,
    verify: Verify | None = None,
    observe: Observe | None = None,
    lingering: Lingering | None = None,
) -> Flask:
    """Build the application; `verify(user, password)` replaces the password file.

    `observe` is told of every answered request: status, bytes, seconds, user, and whether it was replayed.
    `lingering` lets clients that were refused finish what they send; without it a thread reads that.
    """
    if repository is None:
        server = settings.server
        repository = Repository.open(server.packages, server.state, reserve_deleted=server.reserve_deleted)
    app = Flask(__package__, static_folder=None)
    app.url_rule_class = MatchedRule
    app.url_map.converters["int"] = ShortNumber
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    # An upload to `//legacy/` must never be answered with a redirect.
    app.url_map.merge_slashes = False
    parts = _services(app, settings, repository, verify, lingering)
    attach(app, parts)
    install_views(app, settings.server)
    _put_replay_before(app, parts, observe or _unobserved)
    return app


class ShortNumber(IntegerConverter):
    """A number in an address: one that neither int() nor a database could hold leads nowhere."""

    regex = r"[0-9]{1,18}"


class MatchedRule(Rule):
    """A rule that addresses are matched with; we build no address from one.

    To compile for each of them how to build it takes more than half of the time of making an application.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # Should werkzeug call it otherwise one day, this is only not asked any more.
        return _never_built


def _never_built(*_: object) -> tuple[str, str]:
    raise NotImplementedError("addresses are written where they are needed")


def _services(
    app: Flask,
    settings: Settings,
    repository: Repository,
    verify: Verify | None,
    lingering: Lingering | None,
) -> Services:
    server = settings.server
    catalogue = repository.catalogue
    freshness = Freshness(catalogue)
    proxies = TrustedProxies(server.trusted_proxies, header=server.forwarded_header)
    pages = RenderedPages(
        catalogue,
        freshness,
        hash_algo=server.hash_algo,
        capacity=server.replay_cache // RENDERED_SHARE,
    )
    threads = ThreadBudget(server.threads)
    authentication = authentication_of(settings, repository, proxies, threads.passwords, verify)
    rules = rules_of(settings, recognises=authentication.recognises)
    access = Access(rules, authentication, owned=catalogue.owned, refresh=freshness.check)
    freshness.follow(access)
    return Services(
        settings=settings,
        repository=repository,
        access=access,
        freshness=freshness,
        rendered=pages,
        threads=threads,
        answers=Answers(),
        lingering=lingering,
        proxies=proxies,
        external=ExternalAddress(
            proxies, mount=server.server_base_url, behind_proxy=bool(server.trusted_proxies)
        ),
        browser=browser_of(app),
    )


def _put_replay_before(app: Flask, parts: Services, observe: Observe) -> None:
    capacity = parts.settings.server.replay_cache
    kept: BoundedCache[Hashable, ReadyAnswer | tuple[str, ...]] = BoundedCache(
        capacity - capacity // RENDERED_SHARE, parts.freshness.stands
    )
    parts.freshness.follow(kept)
    header = parts.settings.auth.header
    front = ReplayFront(
        app.wsgi_app,
        classify=parts.access.classify,
        check=parts.freshness.check,
        answers=kept,
        observe=observe,
        forwarded=parts.proxies.variable,
        person=None if header is None else variable_of(header),
    )
    app.wsgi_app = front  # type: ignore[method-assign]


def _unobserved(
    environ: Environ, status: int, size: int, seconds: float, user: str | None, replayed: bool
) -> None:
    """Note nothing: the application runs without the access log and the metrics of `pypitool serve`."""
