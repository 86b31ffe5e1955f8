"""Changes of the password file over the API are recorded: who, from where, by what means."""

from __future__ import annotations

from pathlib import Path

from tests.server.house import make_house
from tests.server.site import basic

RULES = """
[[rule]]
who = ["root"]
may = ["admin"]
"""


def test_users_who_come_and_go_are_recorded_without_their_passwords(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES)
    asked = {
        "headers": {"Authorization": basic("root", "secret")},
        "environ_overrides": {"REMOTE_ADDR": "192.0.2.9"},
    }

    added = house.client.put("/api/v1/users/zoe", json={"password": "hers"}, **asked)
    removed = house.client.delete("/api/v1/users/zoe", **asked)
    again = house.client.delete("/api/v1/users/zoe", **asked)

    assert (added.status_code, removed.status_code, again.status_code) == (200, 200, 404)
    by_root = {"who": "user:root", "from": "192.0.2.9", "with": "password", "user": "zoe"}
    assert house.facts == [{"what": "user-add", **by_root}, {"what": "user-remove", **by_root}]


def test_who_comes_by_a_socket_has_no_address_on_record(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES)
    asked = {
        "headers": {"Authorization": basic("root", "secret")},
        "environ_overrides": {"REMOTE_ADDR": ""},
    }

    added = house.client.put("/api/v1/users/zoe", json={"password": "hers"}, **asked)

    assert added.status_code == 200
    assert house.facts == [{"what": "user-add", "who": "user:root", "with": "password", "user": "zoe"}]
