"""Which damage suits a file, by its suffix."""

from collections.abc import Callable

from tests.fuzz.archive_damage import changed_xml, changed_zip
from tests.fuzz.dicom_damage import changed_dicom
from tests.fuzz.header_damage import changed_gzip, changed_metaimage, changed_nifti, changed_nrrd
from tests.fuzz.mutations import (
    MOST_BYTES,
    MOST_CHANGES,
    Rng,
    changed_bytes,
    changed_json,
    changed_text,
    changed_toml,
)
from tests.fuzz.session_damage import changed_session

Change = Callable[[Rng, bytes], bytes]
STRUCTURED: dict[str, Change] = {
    ".toml": changed_toml,
    ".json": changed_json,
    ".nii": changed_nifti,
    ".gz": changed_gzip,
    ".nrrd": changed_nrrd,
    ".nhdr": changed_nrrd,
    ".mha": changed_metaimage,
    ".mhd": changed_metaimage,
    ".dcm": changed_dicom,
    ".mrml": changed_xml,
    ".vtp": changed_xml,
    ".xml": changed_xml,
    ".mrb": changed_zip,
    ".3mf": changed_zip,
    ".mcap": changed_session,
}
TEXTS = frozenset(
    (".toml", ".json", ".csv", ".fcsv", ".obj", ".vtp", ".ply", ".stl", ".vtk", ".mrml", ".xml")
)


def mutated(rng: Rng, data: bytes, suffix: str) -> bytes:
    """Return a damaged copy of a file.

    suffix : of its name; structured files are damaged by their structure as often as by bytes.
    """
    for _ in range(int(rng.integers(1, MOST_CHANGES))):
        structured = STRUCTURED.get(suffix)
        kinds: list[Change] = [changed_bytes]
        if suffix in TEXTS:
            kinds.append(changed_text)
        if structured is not None:
            kinds += [structured, structured]
        data = kinds[rng.integers(len(kinds))](rng, data)[:MOST_BYTES]
    return data
