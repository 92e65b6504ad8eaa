"""A small MCAP file of a session's shape, written as a recorder does, for the tests of damage."""

import json
from io import BytesIO

from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

START = 1_800_000_000_000_000_000  # ns
STEP = 50_000_000  # ns between two frames


def recorded(
    frames: int = 24, per_chunk: int = 4, compression: CompressionType = CompressionType.NONE
) -> bytes:
    """Return a finished file with frames and guidance, two attachments, metadata."""
    stream = BytesIO()
    writer = Writer(stream, compression=compression, enable_data_crcs=True)
    writer.start()
    writer.add_metadata("c1c2nav", {"format": "c1c2nav/session/1", "code": "p-7"})
    writer.add_attachment(START, START, "rig.toml", "text/plain", b'format = "c1c2nav/rig/1"\n')
    writer.add_attachment(START, START, "tools/needle.toml", "text/plain", b"needle" * 20)
    channels = {
        topic: writer.register_channel(
            topic, "json", writer.register_schema(name, "jsonschema", b"{}")
        )
        for topic, name in (("/frame", "c1c2nav.Frame"), ("/guidance", "c1c2nav.Guidance"))
    }
    for number in range(frames):
        at = START + number * STEP
        frame = {"number": number, "tools": {"needle": {"status": "tracked", "x": number / 7}}}
        near = {"name": "cord", "role": "cord", "bound": 9.0 - number / 10}
        guidance = {"number": number, "structures": [near]}
        for topic, message in (("/frame", frame), ("/guidance", guidance)):
            data = json.dumps(message).encode()
            writer.add_message(channels[topic], at, data, at + 1000, number)
        if (number + 1) % per_chunk == 0:
            writer.flush()
    writer.finish()
    return stream.getvalue()


def messages(data: bytes) -> list[tuple[str, int, int, int, bytes]]:
    """Return a finished file's messages as the mcap package's own reader finds them."""
    reader = make_reader(BytesIO(data), validate_crcs=True)
    return [
        (channel.topic, m.log_time, m.publish_time, m.sequence, m.data)
        for _, channel, m in reader.iter_messages(log_time_order=False)
    ]


def attachments(data: bytes) -> dict[str, bytes]:
    """Return a finished file's attachments by name."""
    return {a.name: a.data for a in make_reader(BytesIO(data)).iter_attachments()}
