"""The corpora have the promised shape, and the same bytes everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.corpora import CORPORA, Corpus, make, project_sizes, remove_uploads, upload_wheel

TINY = Corpus("tiny", 30, 5, big=8)


@pytest.mark.parametrize("name", list(CORPORA))
def test_the_files_of_all_projects_are_as_many_as_promised(name: str) -> None:
    corpus = CORPORA[name]

    sizes = project_sizes(corpus)

    assert (sum(sizes), len(sizes)) == (corpus.files, corpus.projects)
    assert corpus.big == 0 or sizes[0] == corpus.big
    assert sizes[1] == 10


def test_a_corpus_is_the_same_on_every_machine(tmp_path: Path) -> None:
    one = make(TINY, tmp_path / "one", processes=1)
    two = make(TINY, tmp_path / "two", processes=2)

    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }
    assert len(list(one.iterdir())) == TINY.files


def test_a_corpus_is_made_once(tmp_path: Path) -> None:
    made = make(TINY, tmp_path / "tiny", processes=1)
    (made / TINY.small_wheel).write_bytes(b"touched")

    make(TINY, tmp_path / "tiny", processes=1)

    assert (made / TINY.small_wheel).read_bytes() == b"touched"


def test_what_was_uploaded_goes_away(tmp_path: Path) -> None:
    name, body = upload_wheel(1, 2, "3")
    (tmp_path / name).write_bytes(body)
    (tmp_path / "acme-1.0.tar.gz").write_bytes(b"")

    remove_uploads(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["acme-1.0.tar.gz"]
    assert 2_500 < len(body) < 3_500
