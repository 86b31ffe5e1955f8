"""The catalogue: whether it is whole, and which files it does not list."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.catalogue.errors import CatalogueDamaged, CatalogueMissing, CatalogueTooNew
from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.places import catalogue_corrupt, file_unlisted
from pypitool.doctor.copied import read_copy
from pypitool.doctor.patient import Patient
from pypitool.repository.state import StateFiles


def look(patient: Patient) -> Iterator[Finding]:
    """Read the whole catalogue, from a copy; other checks look into what was read."""
    path = StateFiles(patient.state).catalogue
    if not path.exists():
        return  # nothing was served yet, or a keeper is about to make it
    try:
        copied = read_copy(path)
    except (CatalogueDamaged, CatalogueMissing, CatalogueTooNew) as error:
        yield catalogue_corrupt(str(path), str(error))
        return
    patient.copied.append(copied)
    for problem in copied.problems:
        yield file_unlisted(problem.location.path, problem.reason)
