"""Damage to sessions: messages and metadata that change while every checksum is right."""

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from mcap.records import Attachment, Channel, Message, Metadata, Schema
from mcap.writer import CompressionType, Writer

from nav.core.errors import InputError
from nav.record.session.mcap_records import McapRecords
from tests.fuzz.mutations import STRANGE_TEXTS, changed_bytes, changed_json, pick

Rng = np.random.Generator
FOREIGN_KEYS = ("", "c1c2nav", "format", "code", "limits", "needle", "started_ns")


def changed_session(rng: Rng, data: bytes) -> bytes:
    """Return an MCAP file with another message, text of its metadata, or attachment.

    One that is damaged already stays as it is.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.mcap"
        path.write_bytes(data)
        try:
            records = [placed.record for placed in McapRecords(path)]
        except InputError:
            return data
    kind = pick(rng, (Message, Message, Message, Metadata, Attachment))
    places = [k for k, record in enumerate(records) if isinstance(record, kind)]
    if not places:
        return data
    _change(rng, records[pick(rng, places)])
    return _written(records)


def _change(rng: Rng, record: Message | Metadata | Attachment) -> None:
    if isinstance(record, Metadata):
        keys = (*record.metadata, *FOREIGN_KEYS)
        record.metadata[pick(rng, keys)] = pick(rng, STRANGE_TEXTS)
    elif isinstance(record, Message) and record.data[:1] == b"{":
        record.data = changed_json(rng, record.data)
        if rng.random() < 0.2:
            record.log_time = int(rng.integers(0, 2**63))
    else:
        record.data = changed_bytes(rng, record.data)


def _written(records: Sequence[object]) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream, compression=CompressionType.NONE, enable_data_crcs=True)
    writer.start("", "c1c2nav fuzzed")
    schemas, channels = {0: 0}, {}
    for record in records:
        if isinstance(record, Schema) and record.id not in schemas:
            schemas[record.id] = writer.register_schema(record.name, record.encoding, record.data)
        elif isinstance(record, Channel) and record.id not in channels:
            schema = schemas.get(record.schema_id, 0)
            channels[record.id] = writer.register_channel(
                record.topic, record.message_encoding, schema, record.metadata
            )
        elif isinstance(record, Metadata):
            writer.add_metadata(record.name, record.metadata)
        elif isinstance(record, Attachment):
            writer.add_attachment(
                record.create_time, record.log_time, record.name, record.media_type, record.data
            )
        elif isinstance(record, Message) and record.channel_id in channels:
            writer.add_message(
                channels[record.channel_id], record.log_time, record.data,
                record.publish_time, record.sequence,
            )  # fmt: skip
    writer.finish()
    return stream.getvalue()
