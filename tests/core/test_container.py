"""As whom a container works, and what its environment means."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.core.container import (
    STATE,
    BadPort,
    CannotBecome,
    User,
    environment,
    is_given,
    state_hint,
    whom,
)

ROOT, ANN, SERVICE = User(0, 0), User(1000, 1000), User(998, 997)
NOBODY = User(10001, 10001)


@pytest.mark.parametrize(
    ("started", "serving", "owner", "expected"),
    [
        pytest.param(ANN, None, SERVICE, ANN, id="who was told with --user is that one"),
        pytest.param(User(1000, 0), None, None, User(1000, 0), id="with the group that Docker gave"),
        pytest.param(ROOT, None, SERVICE, SERVICE, id="root becomes the owner of the packages"),
        pytest.param(ROOT, None, User(998, 0), User(998, 998), id="but not with the group of root"),
        pytest.param(ROOT, None, ROOT, NOBODY, id="of packages that are root's: nobody's number"),
        pytest.param(ROOT, None, None, NOBODY, id="where there are no packages: the same"),
        pytest.param(ROOT, ANN, SERVICE, ANN, id="docker exec: who the server is"),
        pytest.param(ROOT, ROOT, SERVICE, SERVICE, id="docker exec beside an init"),
    ],
)
def test_as_whom_a_container_works(
    started: User, serving: User | None, owner: User | None, expected: User
) -> None:
    assert whom(started, serving, owner) == expected


@pytest.mark.parametrize(("owner", "expected"), [(ROOT, True), (ANN, False), (None, False)])
def test_only_what_is_roots_is_given_away(owner: User | None, expected: bool) -> None:
    assert is_given(owner) is expected


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, None),
        ({"PORT": "9000"}, "9000"),
        ({"PORT": "9000", "PYPISERVER_PORT": "9001"}, "9001"),
        ({"PYPITOOL_PORT": "9002", "PYPISERVER_PORT": "9001"}, "9002"),
        ({"PYPISERVER_PORT": ""}, None),
        # What Kubernetes writes for a service that is called `pypiserver`.
        ({"PYPISERVER_PORT": "tcp://10.96.0.7:80", "PORT": "9000"}, "9000"),
    ],
)
def test_the_port_of_pypiservers_image_counts(environ: dict[str, str], port: str | None) -> None:
    assert environment(environ, state_is_mounted=False).get("PYPITOOL_PORT") == port


@pytest.mark.parametrize("value", ["http", "0", "65536", "99999999999999999999", "-1", "²"])
def test_a_port_that_is_none_is_named_with_its_variable(value: str) -> None:
    with pytest.raises(BadPort, match="PYPISERVER_PORT: expected a port"):
        environment({"PYPISERVER_PORT": value}, state_is_mounted=False)


def test_what_kubernetes_writes_for_a_service_of_our_name_is_no_setting() -> None:
    links = {
        "PYPITOOL_PORT": "tcp://10.96.0.7:80",
        "PYPITOOL_PORT_80_TCP": "tcp://10.96.0.7:80",
        "PYPITOOL_SERVICE_HOST": "10.96.0.7",
    }

    assert environment({**links, "PYPITOOL_HOST": "::"}, state_is_mounted=False) == {"PYPITOOL_HOST": "::"}


@pytest.mark.parametrize(
    ("environ", "is_mounted", "state"),
    [
        ({}, False, None),
        ({}, True, str(STATE)),
        ({"STATE_DIRECTORY": "/elsewhere"}, True, "/elsewhere"),
    ],
)
def test_the_state_is_where_something_is_mounted(
    environ: dict[str, str], is_mounted: bool, state: str | None
) -> None:
    assert environment(environ, state_is_mounted=is_mounted).get("STATE_DIRECTORY") == state


def test_hints_of_a_container_name_the_place_of_its_state() -> None:
    inside = {"PYPITOOL_CONTAINER": "1"}

    assert state_hint({}) is None
    assert "-v DIR:/data/state" in (state_hint(inside) or "")
    assert "chown -R 1000:1000" in (state_hint(inside, closed_to=ANN) or "")
    assert "-v /var/lib/pypitool:/data/state" in (state_hint(inside, Path("/var/lib/pypitool")) or "")


def test_who_may_not_be_become_is_told_with_both_ways() -> None:
    error = CannotBecome(Path("/data/packages"), ANN, "operation not permitted")

    assert str(error) == (
        "cannot become user 1000:1000, who is to write into /data/packages: operation not permitted"
    )
    assert error.hint is not None
    assert "--user 1000:1000" in error.hint
    assert "--cap-add SETUID" in error.hint
