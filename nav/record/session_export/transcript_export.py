"""A session as a transcript of Perk Tutor (TransformRecorderLog, XML)."""

import math
import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

from scipy.spatial.transform import RigidTransform

from nav.core.filekinds import TRANSCRIPT_SIGN
from nav.core.outputs import written_whole
from nav.record.perk_tutor_transcript import ENTRY, ROOT
from nav.record.session_export.export_format import ExportOptions
from nav.record.session_export.sequence_export import increasing, left_out, matrix_text
from nav.record.session_export.session_content import ExportedFrame, SessionContent
from nav.record.session_export.transform_chain import (
    FrameNames,
    Transform,
    frame_names,
    ras_from_reference,
    transforms_of_frame,
)
from nav.tracking.tip_frame import tool_from_tip

RAS = "RAS"  # as Perk Tutor's own scenes call it
TOLD = ("mark", "touch", "registration", "verification", "alarm", "plan")  # kinds of events
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BILLION = 1_000_000_000


def export_transcript(content: SessionContent, output: Path, _: ExportOptions) -> list[str]:
    """Write a transcript: a sample per transform and frame, and messages for what happened.

    Times are seconds since the first frame: Perk Tutor keeps six digits of them. Lost tools have
    no samples.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        The file, .xml.
    _ : ExportOptions
        None has a meaning.

    Returns
    -------
    list of str
        How many frames were left out because their times do not increase.

    Raises
    ------
    InputError
        Names of tools that the format cannot tell apart; the file cannot be written, or would
        replace another.
    """
    names = frame_names(content.tools, RAS)
    count = 0
    with written_whole(output) as beside, beside.open("w", encoding="utf-8") as file:
        about = "; ".join(f"{name} {value}" for name, value in content.made_texts.items())
        # two hyphens would end a comment
        comment = NOT_XML.sub("?", about).replace("--", "- -")
        file.write(f"<!-- {TRANSCRIPT_SIGN}; mm, s, RAS; {comment} -->\n<{ROOT}>\n")
        for frame in increasing(content):
            count += 1
            for name, transform in _transforms(content, frame, names).items():
                if transform is not None:
                    entry = f'DeviceName="{name}" transform="{matrix_text(transform)}"'
                    file.write(_entry(frame.seconds, "transform", entry))
        for event in content.events():
            if event.event.kind in TOLD:
                text = quoteattr(NOT_XML.sub("?", event.text))
                file.write(_entry(event.seconds, "message", f"message={text}"))
        file.write(f"</{ROOT}>\n")
    return left_out(content.frames_count - count)


def _entry(seconds: float, kind: str, rest: str) -> str:
    whole = math.floor(seconds)
    fraction = min(round((seconds - whole) * BILLION), BILLION - 1)
    return f'  <{ENTRY} TimeStampSec="{whole}" TimeStampNSec="{fraction}" type="{kind}" {rest} />\n'


def _transforms(
    content: SessionContent, frame: ExportedFrame, names: FrameNames
) -> dict[str, Transform]:
    """Return the transforms of a frame, and the needle's tip in the patient's frame."""
    transforms = transforms_of_frame(content, frame, names)
    needle = content.needle
    if needle is None or needle.tip is None or content.reference is None:
        return transforms
    tool = names.tools[needle.name]
    held = transforms.get(f"{tool}To{names.tools[content.reference]}")
    ras = ras_from_reference(content, frame)
    if held is not None and ras is not None:
        transforms[f"{tool}TipTo{RAS}"] = (
            ras * held * RigidTransform.from_matrix(tool_from_tip(needle.tip))
        )
    return transforms
