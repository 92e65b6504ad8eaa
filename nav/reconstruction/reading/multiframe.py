"""Frames of enhanced DICOM files: position and scale of each from its functional groups."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

# by functional group: its elements and their names in single-frame files
GROUPS: dict[str, dict[str, str]] = {
    "PlanePositionSequence": {"ImagePositionPatient": "ImagePositionPatient"},
    "PlaneOrientationSequence": {"ImageOrientationPatient": "ImageOrientationPatient"},
    "PixelMeasuresSequence": {"PixelSpacing": "PixelSpacing", "SliceThickness": "SliceThickness"},
    "PixelValueTransformationSequence": {
        "RescaleSlope": "RescaleSlope",
        "RescaleIntercept": "RescaleIntercept",
        "RescaleType": "RescaleType",
    },
    "CTReconstructionSequence": {"ConvolutionKernel": "ConvolutionKernel"},
    "CTXRayDetailsSequence": {"KVP": "KVP"},
    "CTAcquisitionDetailsSequence": {"GantryDetectorTilt": "GantryDetectorTilt"},
    "CTImageFrameTypeSequence": {"FrameType": "ImageType"},
    "FrameContentSequence": {
        "TemporalPositionIndex": "TemporalPositionIdentifier",
        "FrameAcquisitionNumber": "AcquisitionNumber",
    },
}
MOST_FRAMES = 20_000


def frame_headers(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the contents of each frame's functional groups, by single-frame keyword.

    A file without functional groups, single-frame ones included, has nothing to add: a multi-frame
    one then has frames without positions, which is detected later.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Of the file.

    Returns
    -------
    list of dict
        One per frame.

    Raises
    ------
    ValueError
        The number of frames is implausible, or not that of the functional groups.
    """
    count = int(dataset.get("NumberOfFrames") or 1)
    shared = _values(dataset.get("SharedFunctionalGroupsSequence"), 0)
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if per_frame is None:
        if not 1 <= count <= MOST_FRAMES:
            raise ValueError("number of frames")
        # a file with several frames but one position: no frame has a position of its own
        nowhere = {} if count == 1 else {"ImagePositionPatient": ()}
        return [dict(shared, **nowhere) for _ in range(count)]
    if not 1 <= count <= MOST_FRAMES or len(per_frame) != count:
        raise ValueError("number of frames")
    return [shared | _values(per_frame, frame) for frame in range(count)]


def _values(sequence: Any, item: int) -> dict[str, Any]:
    if not sequence:
        return {}
    found: dict[str, Any] = {}
    for group, keywords in GROUPS.items():
        inner = sequence[item].get(group)
        if not inner:
            continue
        for keyword, name in keywords.items():
            value = inner[0].get(keyword)
            if value is not None:
                found[name] = value
    return found
