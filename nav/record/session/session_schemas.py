"""JSON schemas of a session's messages, for viewers: Foxglove's own names, and ours."""

import json
from typing import Any

from nav.record.session.session_format import EVENT, FRAME, GUIDANCE, LOG, TF

_NUMBER, _TEXT = {"type": "number"}, {"type": "string"}
_WHOLE, _LIST, _TABLE = {"type": "integer"}, {"type": "array"}, {"type": "object"}
_TIME = {
    "type": "object",
    "title": "time",
    "properties": {"sec": {"type": "integer", "minimum": 0}, "nsec": {"type": "integer"}},
}


def _vector(names: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, _NUMBER)}


def _schema(title: str, **properties: Any) -> bytes:
    schema = {"title": title, "type": "object", "properties": properties}
    return json.dumps(schema).encode()


# schema's name and text by topic; the order is that of the channels' ids, from 1
SCHEMAS: dict[str, tuple[str, bytes]] = {
    FRAME: (
        "c1c2nav.Frame",
        _schema(
            "c1c2nav.Frame",
            number=_WHOLE,
            time=_NUMBER,
            captured_at={"type": ["number", "null"]},
            track_seconds=_NUMBER,
            mode=_TEXT,
            agreeing=_LIST,
            camera_lost=_TABLE,
            notices=_LIST,
            tools=_TABLE,
            pictures=_TABLE,
        ),
    ),
    GUIDANCE: (
        "c1c2nav.Guidance",
        _schema(
            "c1c2nav.Guidance",
            number=_WHOLE,
            stage=_TEXT,
            prompt={"type": ["object", "null"]},
            next_fiducial={"type": ["string", "null"]},
            message={"type": ["object", "null"]},
            alarm={"type": ["object", "null"]},
            tips=_TABLE,
            structures={"type": ["array", "object"]},
            plan=_TABLE,
            levels=_TABLE,
            worst=_TEXT,
            drift={"type": ["object", "null"]},
            registration={"type": ["integer", "null"]},
        ),
    ),
    EVENT: (
        "c1c2nav.Event",
        _schema(
            "c1c2nav.Event",
            kind=_TEXT,
            code=_TEXT,
            facts=_TABLE,
            number={"type": ["integer", "null"]},
        ),
    ),
    TF: (
        "foxglove.FrameTransform",
        _schema(
            "foxglove.FrameTransform",
            timestamp=_TIME,
            parent_frame_id=_TEXT,
            child_frame_id=_TEXT,
            translation=_vector("xyz"),
            rotation=_vector("xyzw"),
        ),
    ),
    LOG: (
        "foxglove.Log",
        _schema(
            "foxglove.Log",
            timestamp=_TIME,
            level=_WHOLE,
            message=_TEXT,
            name=_TEXT,
            file=_TEXT,
            line=_WHOLE,
        ),
    ),
}
