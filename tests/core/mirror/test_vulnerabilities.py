from __future__ import annotations

import pytest

from pypitool.core.mirror.run_events import Vulnerability, vulnerabilities_of


def test_a_vulnerability_is_read_with_its_names_and_fixes() -> None:
    entry = {
        "id": "GHSA-1",
        "aliases": ["CVE-2026-1"],
        "fixed_in": ["1.1", "2.0.1"],
        "details": "long",
        "summary": None,
        "link": "https://osv.example/GHSA-1",
        "withdrawn": None,
    }

    assert vulnerabilities_of({"vulnerabilities": [entry]}) == (
        Vulnerability("GHSA-1", ("CVE-2026-1",), ("1.1", "2.0.1"), None, "https://osv.example/GHSA-1"),
    )


def test_a_withdrawn_one_never_was() -> None:
    entry = {"id": "GHSA-1", "withdrawn": "2026-01-01T00:00:00Z"}

    assert vulnerabilities_of({"vulnerabilities": [entry]}) == ()


@pytest.mark.parametrize(
    "document", [None, [], "text", {}, {"vulnerabilities": None}, {"vulnerabilities": {}}]
)
def test_a_document_that_does_not_say_is_unknown(document: object) -> None:
    assert vulnerabilities_of(document) is None


@pytest.mark.parametrize("entry", [None, "GHSA-1", {}, {"id": 1}, {"id": None}])
def test_an_entry_without_a_name_is_passed_over(entry: object) -> None:
    assert vulnerabilities_of({"vulnerabilities": [entry]}) == ()


def test_fields_of_a_wrong_type_are_absent() -> None:
    entry = {"id": "GHSA-1", "aliases": "CVE-1", "fixed_in": [1, "2.0"], "link": 3}

    assert vulnerabilities_of({"vulnerabilities": [entry]}) == (Vulnerability("GHSA-1", (), ("2.0",)),)
