"""Recognise this program's own files by their first bytes: what may be replaced, and by what."""

import gzip
import os
import re
import zipfile
import zlib
from pathlib import Path

from nav.core.pose_formats import POSE_FORMATS

REPORT = "accuracy report"
POSES, TIMING, VOLUME = "table of poses", "table of processing times", "volume"
PICTURE, SHEET, SUMMARY = "PNG image", "printed sheet", "summary"
REPORT, CHECKS = "HTML report", "database of daily checks"
POINTS = "table of points"
STL_MESH, OBJ_MESH, PLY_MESH, VTP_MESH = "STL mesh", "OBJ mesh", "PLY mesh", "VTP mesh"
SCENE_3MF, SEGMENTATION, DICOM = "3MF scene", "segmentation", "DICOM file"
SEQUENCE, TRANSCRIPT = "sequence of transforms", "transcript of transforms"
WORKBOOK, COLUMNS_FILE = "workbook", "Parquet table"
DISTANCES, EVENTS = "table of distances", "table of events"
BAG, BAG_METADATA = "ROS 2 bag", "description of a ROS 2 bag"
HEAD = 65536  # bytes that are read; every signature below lies within them
TOML_FORMAT = re.compile(rb"""^[ \t]*format[ \t]*=[ \t]*["']c1c2nav/([a-z0-9-]+)/\d+["']""", re.M)
TOML_TABLE = re.compile(rb"^[ \t]*\[", re.M)  # what follows it belongs to a table
# first lines of our tables
TABLES = {
    **{known.first_line: POSES for known in POSE_FORMATS},
    b"frame,read_ms,track_ms,mode": TIMING,
    b"camera,frame,time": "table of image times",
    b"label,x,y,z": POINTS,
    b"name,kind,seen,count,mean_mm": "table of deviations",
    b"design,trials": "table of designs",
    b"frame,time,seconds,status": DISTANCES,
    b"seconds,utc,frame,kind": EVENTS,
    # with decimal commas
    b"frame;time;tool;status;tx;ty;tz;qx;qy;qz;qw": POSES,
    b"frame;time;seconds;status": DISTANCES,
    b"seconds;utc;frame;kind": EVENTS,
}
SEQUENCE_SIGN, TRANSCRIPT_SIGN = "c1c2nav: sequence of transforms", "c1c2nav: transcript"
WORKBOOK_AUTHOR = "docProps/core.xml"
PARQUET_START = b"PAR1"  # and its end, behind the metadata
MCAP_START, ROS2 = b"\x89MCAP0\r\n", b"\x04\0\0\0ros2"
BAG_START, BAG_SIGN = b"# made_by: c1c2nav", b"\nrosbag2_bagfile_information:"
PNG = b"\x89PNG\r\n\x1a\n"
# of a PNG's tEXt chunk; plots of earlier versions have Matplotlib
PNG_MAKERS = (b"Software\0c1c2nav", b"Software\0Matplotlib")
PNG_METADATA = {"Software": "c1c2nav"}  # for what writes our PNG files
PDF_AUTHOR = b"/Author (c1c2nav"
PLY_COMMENT = b"comment millimetres, model frame LPS"
STL_START = b"c1c2nav: binary STL"
OBJ_COMMENT = b"# c1c2nav: OBJ"
HTML_MAKER = b'<meta name="generator" content="c1c2nav'
XML_COMMENT = b"<!-- c1c2nav: VTP, millimetres, LPS -->"
NRRD_COMMENT = b"# c1c2nav"
ZIP_START, MODEL_3MF = b"PK\x03\x04", "3D/3dmodel.model"
DICOM_SIGN, DICOM_MAKER = b"DICM", b"c1c2nav"  # behind 128 bytes; the manufacturer
SUMMARY_SIGN = b'"made_by": "c1c2nav'
HTML_SIGN = b'<meta name="generator" content="c1c2nav'
SQLITE_START = b"SQLite format 3\0"
CHECKS_SIGN = (0x6331_6332).to_bytes(4, "big")  # an SQLite file's application_id, at byte 68
VOLUME_SIGN = b"c1c2nav"  # in a NIfTI's description, and in a MetaImage's comment
NIFTI_DESCRIPTION = slice(148, 228)  # bytes, NIfTI-1
NIFTI_SIZE = (348).to_bytes(4, "little")


def toml_kind(name: str) -> str:
    """Return the kind of a TOML file whose format is ``c1c2nav/NAME/1``.

    Parameters
    ----------
    name : str
        NAME in the format.

    Returns
    -------
    str
        The kind as `file_kind` gives it.
    """
    return f"{name} file"


def file_kind(path: Path) -> str | None:
    """Return which kind of this program's files a file is.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    str or None
        The kind, in words; None for a file that this program did not write.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
        if head.startswith(b"%PDF"):
            rest = file.read()
            return SHEET if PDF_AUTHOR in head + rest else None
    if head.startswith(b"\xef\xbb\xbf"):
        head = head[3:]
    first = head.split(b"\n", 1)[0].strip()
    for start, kind in TABLES.items():
        if first == start or first.startswith((start + b",", start + b";")):
            return kind
    if head.startswith(PNG):
        return PICTURE if any(maker in head for maker in PNG_MAKERS) else None
    if head.startswith(b"ply") and PLY_COMMENT in head:
        return PLY_MESH
    if head.startswith(STL_START):
        return STL_MESH
    if head.startswith(OBJ_COMMENT):
        return OBJ_MESH
    if head.startswith(b"<?xml") and XML_COMMENT in head:
        return VTP_MESH
    if head.startswith(b"<!DOCTYPE html>"):
        return REPORT if HTML_MAKER in head else None
    if head.startswith(b"NRRD000") and f"# {SEQUENCE_SIGN}".encode() in head[:256]:
        return SEQUENCE
    if head.startswith(b"NRRD000"):
        return SEGMENTATION if NRRD_COMMENT in head.split(b"\n\n", 1)[0] else None
    if head[128:132] == DICOM_SIGN:
        return DICOM if DICOM_MAKER in head else None
    if head.startswith(ZIP_START):
        return _zipped(path)
    if head.lstrip().startswith(b"{"):
        return SUMMARY if SUMMARY_SIGN in head else None
    if head.startswith(SQLITE_START):
        return CHECKS if head[68:72] == CHECKS_SIGN else None
    if head.startswith(b"<!DOCTYPE html>"):
        return REPORT if HTML_SIGN in head else None
    if head.startswith(b"ObjectType = Image") and SEQUENCE_SIGN.encode() in head[:256]:
        return SEQUENCE
    if head.startswith(f"<!-- {TRANSCRIPT_SIGN}".encode()):
        return TRANSCRIPT
    if head.startswith(PARQUET_START):
        return COLUMNS_FILE if b"c1c2nav" in _end(path) else None
    if head.startswith(MCAP_START):
        return BAG if ROS2 in head[:64] and b"c1c2nav" in head[:64] else None
    if head.startswith(BAG_START):
        return BAG_METADATA if BAG_SIGN in head else None
    if head.startswith(b"ObjectType = Image"):
        return VOLUME if VOLUME_SIGN in head[:HEAD].split(b"ElementDataFile")[0] else None
    if head.startswith((b"\x1f\x8b", NIFTI_SIZE)):
        return _nifti(head)
    return _toml(head)


def _end(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(-min(HEAD, path.stat().st_size), os.SEEK_END)
        return file.read()


def _zipped(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as packed:
            if WORKBOOK_AUTHOR in packed.namelist():
                with packed.open(WORKBOOK_AUTHOR) as properties:
                    return WORKBOOK if b"c1c2nav" in properties.read(HEAD) else None
        with zipfile.ZipFile(path) as packed, packed.open(MODEL_3MF) as model:
            return SCENE_3MF if b"c1c2nav" in model.read(HEAD) else None
    except Exception:  # damaged ones raise anything
        return None


def _nifti(head: bytes) -> str | None:
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 4096)
        except (zlib.error, gzip.BadGzipFile):
            return None
    if not head.startswith(NIFTI_SIZE):
        return None
    return VOLUME if VOLUME_SIGN in head[NIFTI_DESCRIPTION] else None


def _toml(head: bytes) -> str | None:
    table = TOML_TABLE.search(head)
    found = TOML_FORMAT.search(head, 0, table.start() if table else len(head))
    return None if found is None else toml_kind(found[1].decode())
