"""Messages of ROS 2 as bytes (CDR, little-endian), and their definitions."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from scipy.spatial.transform import RigidTransform

from nav.core.frames import Array

BILLION = 1_000_000_000
ENCAPSULATION = b"\x00\x01\x00\x00"  # CDR, little-endian
METRES = 1e-3
LATEST = 0x7FFF_FFFF  # s: ROS's times begin again in 2038
RULE = "=" * 80
TF_MESSAGE = "tf2_msgs/msg/TFMessage"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
STRING = "std_msgs/msg/String"
_HEADER = (
    "MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n",
    "MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n",
)
_PARTS = {
    TF_MESSAGE: (
        "geometry_msgs/TransformStamped[] transforms\n",
        "MSG: geometry_msgs/TransformStamped\nstd_msgs/Header header\nstring child_frame_id\n"
        "geometry_msgs/Transform transform\n",
        *_HEADER,
        "MSG: geometry_msgs/Transform\ngeometry_msgs/Vector3 translation\n"
        "geometry_msgs/Quaternion rotation\n",
        "MSG: geometry_msgs/Vector3\nfloat64 x\nfloat64 y\nfloat64 z\n",
        "MSG: geometry_msgs/Quaternion\nfloat64 x\nfloat64 y\nfloat64 z\nfloat64 w\n",
    ),
    COMPRESSED_IMAGE: ("std_msgs/Header header\nstring format\nuint8[] data\n", *_HEADER),
    STRING: ("string data\n",),
}
# by type, in the notation ros2msg
DEFINITIONS = {kind: f"{RULE}\n".join(parts) for kind, parts in _PARTS.items()}


class StampedTransform(NamedTuple):
    """A transform between two frames of ROS.

    Parameters
    ----------
    parent, child : str
        Names of the frames.
    parent_from_child : RigidTransform
        mm.
    """

    parent: str
    child: str
    parent_from_child: RigidTransform


class _Cdr:
    """Bytes of a message; numbers are aligned to their size."""

    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, code: str, value: float) -> None:
        size = struct.calcsize(code)
        self.data += bytes(-len(self.data) % size) + struct.pack(f"<{code}", value)

    def text(self, text: str) -> None:
        encoded = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
        self.number("I", len(encoded))
        self.data += encoded

    def header(self, stamp: int, frame: str) -> None:
        seconds, rest = divmod(stamp, BILLION)
        self.number("i", seconds & LATEST)
        self.number("I", rest)
        self.text(frame)

    def whole(self) -> bytes:
        return ENCAPSULATION + bytes(self.data)


def tf_message(stamp: int, transforms: Sequence[StampedTransform]) -> bytes:
    """Return a tf2_msgs/msg/TFMessage.

    Parameters
    ----------
    stamp : int
        ns, UTC.
    transforms : sequence of StampedTransform
        In mm; ROS has metres.

    Returns
    -------
    bytes
        CDR.
    """
    cdr = _Cdr()
    cdr.number("I", len(transforms))
    for parent, child, parent_from_child in transforms:
        cdr.header(stamp, parent)
        cdr.text(child)
        place: Array = parent_from_child.translation * METRES
        for number in (*place, *parent_from_child.rotation.as_quat(canonical=True)):
            cdr.number("d", float(number))
    return cdr.whole()


def compressed_image(stamp: int, camera: str, coding: str, data: bytes) -> bytes:
    """Return a sensor_msgs/msg/CompressedImage.

    Parameters
    ----------
    stamp : int
        ns, UTC.
    camera : str
        Name of the camera's frame.
    coding : str
        jpeg or png.
    data : bytes
        The file's content.

    Returns
    -------
    bytes
        CDR.
    """
    cdr = _Cdr()
    cdr.header(stamp, camera)
    cdr.text(coding)
    cdr.number("I", len(data))
    cdr.data += data
    return cdr.whole()


def string_message(text: str) -> bytes:
    """Return a std_msgs/msg/String.

    Parameters
    ----------
    text : str
        Its data.

    Returns
    -------
    bytes
        CDR.
    """
    cdr = _Cdr()
    cdr.text(text)
    return cdr.whole()
