"""The lines that clients want."""

from __future__ import annotations

import pytest

from pypitool.core.client_config import (
    TOOLS,
    ClientIndex,
    ansible_task,
    dockerfile,
    every_tool,
    is_loopback,
    pdm_toml,
    pip_conf,
    poetry_toml,
    pypirc,
    server_url,
    tool_named,
    uv_toml,
)

PLAIN = ClientIndex("http://pypi.acme.example:8080/")
SAFE = ClientIndex("https://pypi.acme.example/priv/", "acme")


def test_pip_is_told_to_trust_a_host_only_where_nothing_encrypts_the_way_to_it() -> None:
    assert pip_conf(SAFE) == ("[global]", "index-url = https://pypi.acme.example/priv/simple/")
    assert pip_conf(PLAIN) == (
        "[global]",
        "index-url = http://pypi.acme.example:8080/simple/",
        "trusted-host = pypi.acme.example",
    )


def test_uv_gets_an_index_to_install_from_and_to_upload_to() -> None:
    assert uv_toml(SAFE) == (
        "[[index]]",
        'name = "acme"',
        'url = "https://pypi.acme.example/priv/simple/"',
        'publish-url = "https://pypi.acme.example/priv/legacy/"',
        "default = true",
    )


def test_poetry_and_pdm_get_a_source_and_the_command_for_uploads() -> None:
    assert poetry_toml(SAFE) == (
        "[[tool.poetry.source]]",
        'name = "acme"',
        'url = "https://pypi.acme.example/priv/simple/"',
        'priority = "primary"',
        "# poetry config repositories.acme https://pypi.acme.example/priv/legacy/",
    )
    assert pdm_toml(PLAIN) == (
        "[[tool.pdm.source]]",
        'name = "pypi"',
        'url = "http://pypi.acme.example:8080/simple/"',
        "verify_ssl = false",
        "# pdm config repository.private.url http://pypi.acme.example:8080/legacy/",
    )
    assert "verify_ssl = true" in pdm_toml(SAFE)


def test_a_pypirc_names_the_index_and_no_secret() -> None:
    assert pypirc(SAFE) == (
        "[distutils]",
        "index-servers =",
        "    acme",
        "",
        "[acme]",
        "repository = https://pypi.acme.example/priv/legacy/",
        "username = __token__",
    )


def test_images_and_playbooks_say_what_pip_needs() -> None:
    simple = "http://pypi.acme.example:8080/simple/"

    assert dockerfile(PLAIN) == (
        f"ENV PIP_INDEX_URL={simple} UV_DEFAULT_INDEX={simple}",
        "ENV PIP_TRUSTED_HOST=pypi.acme.example",
    )
    assert len(dockerfile(SAFE)) == 1
    assert ansible_task(PLAIN) == (
        '- ansible.builtin.copy: { dest: /etc/pip.conf, mode: "0644", content: '
        f'"[global]\\nindex-url = {simple}\\ntrusted-host = pypi.acme.example\\n" }}',
    )


def test_all_tools_together_are_each_under_a_line_with_its_file() -> None:
    lines = list(every_tool(SAFE))

    headings = [line for line in lines if line.startswith("# ") and line[2:].split(":")[0] in NAMES]
    assert headings == [f"# {tool.name}: {tool.file}" for tool in TOOLS]
    assert tool_named("pip").lines(SAFE) == tuple(lines[1:3])
    assert lines[-1]


NAMES = [tool.name for tool in TOOLS]


@pytest.mark.parametrize(
    "url", ["https://h/priv/", "https://h/priv/simple/", "https://ann:one@h/priv/legacy"]
)
def test_an_index_is_known_by_any_of_its_addresses_and_without_credentials(url: str) -> None:
    assert ClientIndex.at(url).url == "https://h/priv/"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True),
     ("10.0.0.1", False), ("localhost.acme.example", False), ("fd00::1", False)],
)  # fmt: skip
def test_this_machine_itself_is_trusted_by_everybody(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("h", 8080, False, "/"), "http://h:8080/"),
        (("h", 80, False, "/"), "http://h/"),
        (("h", 443, True, "/priv"), "https://h/priv/"),
        (("::1", 8080, False, "/"), "http://[::1]:8080/"),
        (("h", None, False, "/pypi"), "http://h/pypi/"),
    ],
)
def test_the_address_of_a_server_is_written_as_urls_want_it(
    arguments: tuple[str, int | None, bool, str], url: str
) -> None:
    host, port, tls, prefix = arguments

    assert server_url(host, port, tls=tls, prefix=prefix) == url
