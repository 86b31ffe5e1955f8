from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.mirror.targets import make_target
from pypitool.mirror.inputs import InputFaults, Inputs, read_inputs

LOCK = """
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "b"
version = "2.0"
marker = "sys_platform == 'win32'"

[[packages.wheels]]
name = "b-2.0-py3-none-any.whl"
url = "https://elsewhere.example/b-2.0-py3-none-any.whl"
hashes = { sha256 = "bb" }

[[packages]]
name = "a"
version = "1.0"

[packages.sdist]
name = "a-1.0.tar.gz"
url = "https://elsewhere.example/a-1.0.tar.gz"
hashes = { sha256 = "aa" }
"""


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names(inputs: Inputs) -> list[str]:
    return [str(line.requirement) for line in inputs.wanted]


def faults_of(*requirements: Path) -> str:
    with pytest.raises(InputFaults) as caught:
        read_inputs(requirements=requirements, environ={})
    return str(caught.value)


def test_included_files_are_found_beside_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "more.txt", "b==2\n")
    main = write(tmp_path / "main.txt", "a==1\n-r sub/more.txt\n")

    inputs = read_inputs(requirements=[main], environ={})

    assert names(inputs) == ["a==1", "b==2"]
    assert [Path(file.path).name for file in inputs.files] == ["main.txt", "more.txt"]


def test_a_file_included_by_constraint_constrains_and_wants_nothing(tmp_path: Path) -> None:
    write(tmp_path / "pins.txt", "A==1.5\nother==1\n")
    main = write(tmp_path / "main.txt", "-c pins.txt\na>=1\nb\n")

    inputs = read_inputs(requirements=[main], environ={})

    linux = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
    assert [str(line.requirement) for line in inputs.unpinned([linux])] == ["b"]
    assert str(inputs.pin_of(inputs.wanted[0], linux)) in ("==1.5,>=1", ">=1,==1.5")


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfa==1\n",
        "a==1\n".encode("utf-16"),
        b"\xfe\xff" + "a==1\n".encode("utf-16-be"),
        b"# coding: latin-1\n# \xe9\na==1\n",
        b"a==1\r\n",
    ],
    ids=["utf-8-mark", "utf-16", "utf-16-be", "declared", "windows"],
)
def test_every_encoding_that_people_save_is_read(tmp_path: Path, body: bytes) -> None:
    assert names(read_inputs(requirements=[write(tmp_path / "r.txt", body)], environ={})) == ["a==1"]


def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path) -> None:
    assert "is not text" in faults_of(write(tmp_path / "r.txt", b"a==1\n\xff\xff\n"))


def test_all_faults_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    more = write(tmp_path / "more.txt", "\n./local\n")
    main = write(tmp_path / "main.txt", "-e .\n-r more.txt\n-r gone.txt\n")

    lines = faults_of(main, tmp_path / "absent.txt").splitlines()

    assert lines == [
        f"{main}:1: editable requirements cannot be mirrored; name a released version",
        f"{more}:2: local files and directories cannot be mirrored; name the project and its version",
        f"{main}:3: gone.txt is not a file",
        f"{tmp_path / 'absent.txt'}:1: cannot be read: No such file or directory",
    ]


def test_files_that_include_each_other_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path / "b.txt", "-r a.txt\n")

    assert "include each other" in faults_of(write(tmp_path / "a.txt", "-r b.txt\n"))


def test_a_file_that_others_name_twice_is_read_once_as_what_it_is_named(tmp_path: Path) -> None:
    """Forty files, each naming the next one twice, would be read a million million times."""
    for number in range(40):
        write(tmp_path / str(number), f"-r {number + 1}\n-r {number + 1}\n")
    write(tmp_path / "40", "a==1\n-c limits.txt\n-c limits.txt\n")
    limits = write(tmp_path / "limits.txt", "b<2\n")

    inputs = read_inputs(requirements=[tmp_path / "0", limits], environ={})

    assert names(inputs) == ["a==1", "b<2"]
    assert [str(line.requirement) for line in inputs.constraints] == ["b<2"]


def test_files_within_files_have_an_end(tmp_path: Path) -> None:
    for number in range(1000):
        write(tmp_path / str(number), f"-r {number + 1}\n")

    assert (
        faults_of(tmp_path / "0")
        == f"{tmp_path / '100'}:1: is included by more than 99 files, one within the other"
    )


@pytest.mark.parametrize("codec", ["undefined", "punycode", "idna", "unicode_escape", "rot13", "hex"])
def test_a_codec_in_which_no_file_is_written_is_a_fault(tmp_path: Path, codec: str) -> None:
    assert "is not text" in faults_of(write(tmp_path / "r.txt", f"# coding: {codec}\na==1\n"))


def test_where_to_look_is_warned_about_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "r.txt", "a==1\n--index-url https://x.example/simple\n")

    (warning,) = read_inputs(requirements=[path], environ={}).warnings

    assert warning.startswith(f"{path}:2: --index-url is ignored")


def test_required_hashes_are_demanded_of_every_line(tmp_path: Path) -> None:
    path = write(tmp_path / "r.txt", "--require-hashes\na==1 --hash=sha256:aa\nb==1\n")

    assert faults_of(path) == f"{path}:3: b has no --hash, and hashes are required"


def test_options_of_the_set_are_collected(tmp_path: Path) -> None:
    path = write(tmp_path / "r.txt", "--pre\n--no-binary A_b,c\n--only-binary=:all:\na==1\n")

    inputs = read_inputs(requirements=[path], environ={})

    assert inputs.prereleases
    assert inputs.formats.no_binary == {canonicalize_name("a-b"), canonicalize_name("c")}
    assert inputs.formats.only_binary == {":all:"}


def test_a_lock_gives_pins_with_the_hashes_of_its_files(tmp_path: Path) -> None:
    inputs = read_inputs(locks=[write(tmp_path / "pylock.toml", LOCK)], environ={})

    assert names(inputs) == ['b==2.0; sys_platform == "win32"', "a==1.0"]
    assert [line.hashes for line in inputs.wanted] == [{"sha256:bb"}, {"sha256:aa"}]
    assert [line.source.line for line in inputs.wanted] == [6, 16]


def test_a_lock_is_known_by_its_name_among_requirements(tmp_path: Path) -> None:
    path = write(tmp_path / "pylock.backend.toml", LOCK)

    assert len(read_inputs(requirements=[path], environ={}).wanted) == 2


def test_a_broken_lock_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "pylock.toml", 'lock-version = "1.0"\n')

    with pytest.raises(InputFaults, match="is not a lock file"):
        read_inputs(locks=[path], environ={})


@pytest.mark.parametrize("name", ["two.toml", "backend.lock", "requirements.txt"])
def test_a_lock_is_known_by_its_content_under_any_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, LOCK)
    main = write(tmp_path / "main.txt", f"-r {name}\n")
    constrained = write(tmp_path / "constrained.txt", f"-c {name}\na\n")

    assert names(read_inputs(requirements=[path], environ={})) == names(
        read_inputs(requirements=[main], environ={})
    )
    inputs = read_inputs(requirements=[constrained], environ={})
    linux = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
    assert (names(inputs), inputs.unpinned([linux])) == (["a"], ())


def test_what_looks_a_little_like_a_lock_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "r.txt", "lock-version==1.0\ncreated-by>=2\npackage[x]==1\n# [[package]]\n")

    assert len(read_inputs(requirements=[path], environ={}).wanted) == 3


@pytest.mark.parametrize(
    "own",
    ['directory = { path = "." }', 'directory = { path = ".", editable = true }',
     'directory = { path = "packages/core", editable = true }'],
)  # fmt: skip
def test_the_project_itself_is_left_out_of_its_lock(tmp_path: Path, own: str) -> None:
    path = write(tmp_path / "pylock.toml", f'{LOCK}\n[[packages]]\nname = "comfy-cli"\n{own}\n')

    assert names(read_inputs(requirements=[path], environ={})) == [
        'b==2.0; sys_platform == "win32"',
        "a==1.0",
    ]


def test_another_directory_in_a_lock_is_a_fault(tmp_path: Path) -> None:
    path = write(
        tmp_path / "pylock.toml", f'{LOCK}\n[[packages]]\nname = "x"\ndirectory = {{ path = "../x" }}\n'
    )

    assert faults_of(path) == f"{path}:25: x is not a released version"


POETRY = """
[[package]]
name = "a"
version = "1.0"
files = [{ file = "a-1.0.tar.gz", hash = "sha256:aa" }]

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
content-hash = "aa"
"""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("poetry.lock", POETRY, "`poetry export -f requirements.txt -o requirements.txt`"),
        ("pdm.lock", POETRY.replace("lock-version", "lock_version"), "`pdm export "),
        ("Pipfile.lock", '{\n  "_meta": {"hash": {}},\n  "default": {}\n}\n', "`pipenv requirements "),
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = []\n', "`uv pip compile pyproject.toml "),
        ("elsewhere.lock", 'version = 1\n[[package]]\nname = "a"\n', "`uv export --frozen --no-emit-p"),
    ],
)  # fmt: skip
def test_a_lock_of_another_tool_is_one_line_with_the_command(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = write(tmp_path / name, text)

    (line,) = faults_of(path).splitlines()

    assert line.startswith(f"{path}:1: is a")
    assert says in line


def test_a_lock_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "uv.lock", 'version = 1\n[[package]]\nname = "a"\n<<<<<<< HEAD\n' + "x = [\n" * 500
    )

    assert len(faults_of(path).splitlines()) == 1


def test_requirements_of_the_command_line_are_wanted_too() -> None:
    assert names(read_inputs(lines=["pytest", "a==1"], environ={})) == ["pytest", "a==1"]


def test_a_constraint_holds_where_its_marker_does(tmp_path: Path) -> None:
    limits = write(tmp_path / "limits.txt", "a==1; sys_platform == 'win32'\na==2; sys_platform == 'linux'\n")
    main = write(tmp_path / "main.txt", f"-c {limits}\na\n")
    windows = make_target("windows", python="3.12", platform="win_amd64")
    linux = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
    mac = make_target("mac", python="3.12", platform="macosx_14_0_arm64")

    inputs = read_inputs(requirements=[main], environ={})

    (line,) = inputs.wanted
    assert (str(inputs.pin_of(line, windows)), str(inputs.pin_of(line, linux))) == ("==1", "==2")
    assert inputs.unpinned([windows, linux]) == ()
    assert inputs.unpinned([windows, mac]) == (line,)
