"""A session as a bag of ROS 2 (rosbag2 with MCAP storage)."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
from mcap.writer import CompressionType, Writer
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.outputs import written_together
from nav.core.tracked_frame import TrackedTool
from nav.record.ros_messages import (
    COMPRESSED_IMAGE,
    DEFINITIONS,
    STRING,
    TF_MESSAGE,
    StampedTransform,
    compressed_image,
    string_message,
    tf_message,
)
from nav.record.session.picture_codec import PictureError, read_jpeg_message
from nav.record.session.session_json import facts_to_json
from nav.record.session.session_pictures import PictureReader, RecordedPicture
from nav.record.session_export.export_format import ExportOptions
from nav.record.session_export.session_content import (
    ExportedEvent,
    ExportedFrame,
    SessionContent,
)
from nav.tracking.tip_frame import tool_from_tip

CHUNK = 1024 * 1024  # bytes
VERSION = 5  # of metadata.yaml: that of ROS 2 Humble, which later ones read
RIG, MODEL, TIP = "rig", "model", "{}_tip"  # frames
TF, EVENTS = "/tf", "/events"  # topics
METADATA = "metadata.yaml"
NOT_IN_TOPICS = re.compile(r"[^0-9A-Za-z_]")
FRAMES = "rig: the cameras' common frame; model: the patient's, LPS; metres"


def export_rosbag(content: SessionContent, output: Path, options: ExportOptions) -> list[str]:
    """Write a bag: /tf, /events and, if there are any, the cameras' pictures.

    Parameters
    ----------
    content : SessionContent
        The session.
    output : Path
        The folder.
    options : ExportOptions
        With pictures.

    Returns
    -------
    list of str
        What was left out of the pictures.

    Raises
    ------
    InputError
        A tool has the name of another frame; a file cannot be written, or would replace another.
    """
    tips = [TIP.format(tool.name) for tool in content.tools if tool.tip is not None]
    for tool in content.tools:
        if tool.name in (RIG, MODEL, *tips):
            raise InputError(f"tool {tool.name}: a frame of the bag has that name; export CSV")
    name = f"{output.resolve().name}_0.mcap"
    with written_together(output / name, output / METADATA) as (bag, metadata):
        with bag.open("wb") as file:
            writer = BagWriter(Writer(file, CHUNK, CompressionType.ZSTD), content.made_texts)
            for frame in content.frames():
                transforms = list(_transforms(content, frame))
                if transforms:
                    message = tf_message(frame.log_time, transforms)
                    writer.add(TF, TF_MESSAGE, frame.log_time, message)
            for event in content.events():
                message = string_message(_event_text(event))
                writer.add(EVENTS, STRING, event.event.log_time, message)
            damaged = _add_pictures(content, writer) if options.pictures else 0
            writer.finish()
        text = writer.metadata(name, content.made_texts)
        metadata.write_text(text, encoding="utf-8")
    return [f"{damaged} damaged images are left out"] if damaged else []


class BagWriter:
    """Adds messages to a bag's file, and counts them for its metadata.

    Parameters
    ----------
    writer : mcap.writer.Writer
        Not started.
    made : mapping of str to str
        Provenance.
    """

    def __init__(self, writer: Writer, made: Mapping[str, str]) -> None:
        self._writer = writer
        self._writer.start("ros2", made["made_by"])
        self._writer.add_metadata("c1c2nav", {**made, "frames": FRAMES})
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self.types: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.first: int | None = None
        self.last = 0

    def add(self, topic: str, kind: str, log_time: int, message: bytes) -> None:
        """Add a message.

        Parameters
        ----------
        topic, kind : str
            Where, and of which type.
        log_time : int
            ns, UTC.
        message : bytes
            CDR.
        """
        if kind not in self._schemas:
            definition = DEFINITIONS[kind].encode()
            self._schemas[kind] = self._writer.register_schema(kind, "ros2msg", definition)
        if topic not in self._channels:
            schema = self._schemas[kind]
            about = {"offered_qos_profiles": ""}
            self._channels[topic] = self._writer.register_channel(topic, "cdr", schema, about)
            self.types[topic], self.counts[topic] = kind, 0
        number = self.counts[topic] = self.counts[topic] + 1
        self._writer.add_message(self._channels[topic], log_time, message, log_time, number)
        self.first = log_time if self.first is None else min(self.first, log_time)
        self.last = max(self.last, log_time)

    def finish(self) -> None:
        """Write the index."""
        self._writer.finish()

    def metadata(self, name: str, made: Mapping[str, str]) -> str:
        """Return metadata.yaml.

        Parameters
        ----------
        name : str
            Of the bag's file.
        made : mapping of str to str
            Provenance, as comments.

        Returns
        -------
        str
        """
        first = self.first or 0
        span = (
            f"duration:\n{{indent}}  nanoseconds: {self.last - first}\n"
            f"{{indent}}starting_time:\n{{indent}}  nanoseconds_since_epoch: {first}\n"
            f"{{indent}}message_count: {sum(self.counts.values())}\n"
        )
        topics = "".join(
            "    - topic_metadata:\n"
            f"        name: {topic}\n        type: {self.types[topic]}\n"
            '        serialization_format: cdr\n        offered_qos_profiles: ""\n'
            f"      message_count: {count}\n"
            for topic, count in self.counts.items()
        )
        quoted = json.dumps(name)  # a string of JSON is one of YAML
        return (
            "".join(f"# {key}: {json.dumps(value)[1:-1]}\n" for key, value in made.items())
            + "rosbag2_bagfile_information:\n"
            + f"  version: {VERSION}\n  storage_identifier: mcap\n"
            + "  " + span.format(indent="  ")
            + f"  topics_with_message_count:\n{topics}"
            + '  compression_format: ""\n  compression_mode: ""\n'
            + f"  relative_file_paths:\n    - {quoted}\n"
            + f"  files:\n    - path: {quoted}\n      " + span.format(indent="      ")
        )  # fmt: skip


def _transforms(content: SessionContent, frame: ExportedFrame) -> Iterator[StampedTransform]:
    """Yield what is known in a frame; a lost tool is left out."""
    for tool in content.tools:
        seen = frame.tracked.tools[tool.name]
        if not isinstance(seen, TrackedTool):
            continue
        yield StampedTransform(RIG, tool.name, seen.rig_from_tool.transform)
        if tool.tip is not None:
            yield StampedTransform(
                tool.name,
                TIP.format(tool.name),
                RigidTransform.from_matrix(tool_from_tip(tool.tip)),
            )
    if frame.registration is not None and content.reference is not None:
        registration = content.registrations.get(frame.registration)
        if registration is not None:
            model_from_reference = registration.model_from_reference.transform
            yield StampedTransform(content.reference, MODEL, model_from_reference.inv())


def _add_pictures(content: SessionContent, writer: BagWriter) -> int:
    """Add all cameras' pictures; return how many are damaged and left out."""
    if not content.reader.has_pictures:
        return 0
    damaged, seconds = 0, max(content.reader.duration, 1e-9)
    for picture in PictureReader(content.folder):
        at = content.reader.seconds(picture.log_time)
        content.report("pictures", min(max(at / seconds, 0.0), 1.0))
        try:
            message = _picture_message(picture)
        except PictureError:
            damaged += 1
            continue
        topic = f"/camera/{NOT_IN_TOPICS.sub('_', picture.camera)}/compressed"
        writer.add(topic, COMPRESSED_IMAGE, picture.log_time, message)
    return damaged


def _picture_message(picture: RecordedPicture) -> bytes:
    """Return a picture as recorded if it is a JPEG; as PNG, so that no bit is lost, if not."""
    if picture.coding != "lossless":
        read_jpeg_message(picture.data)
        return picture.data
    done, data = cv2.imencode(".png", picture.image())
    if not done:
        raise PictureError("cannot be written as PNG")
    return compressed_image(picture.log_time, picture.camera, "png", data.tobytes())


def _event_text(exported: ExportedEvent) -> str:
    event = exported.event
    return json.dumps(
        {
            "kind": event.kind,
            "code": event.code,
            "text": exported.text,
            "frame": event.number,
            "facts": facts_to_json(event.facts),
        },
        ensure_ascii=False,
    )
