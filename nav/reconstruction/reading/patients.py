"""Keys that distinguish patients in one folder without holding anything about them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from pydicom.dataset import Dataset

PATIENT_TAGS = ("PatientID", "PatientName")
_RUN_KEY = secrets.token_bytes(32)  # never stored: digests of different runs cannot be compared


def patient_key(dataset: Dataset) -> str:
    """Return a digest that is equal for slices of one patient, and only while this program runs.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With the elements of `PATIENT_TAGS`, where present. They are hashed and not kept.

    Returns
    -------
    str
        Of the patient's ID, else of the name; empty where the file has neither.
    """
    for keyword in PATIENT_TAGS:
        text = _text(dataset, keyword)
        if text:
            content = f"{keyword}\0{text}".encode("utf-8", "replace")
            return hashlib.blake2b(content, key=_RUN_KEY, digest_size=12).hexdigest()
    return ""


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value: Any = dataset.get(keyword)
        return "" if value is None else str(value).strip()
    except Exception:  # invalid text raises anything when it is accessed
        return ""
