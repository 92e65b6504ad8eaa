"""A reader of our streams in a process of its own: prints what it got as JSON when it is told to.

`python -m tests.link.lsl_reader SOURCE` prints "ready" when all three streams are open, or "none"
where none can be found; then "got" and a line of JSON when a marker "ended" has come.
"""

import json
import sys
import time
from typing import Any

import pylsl

from nav.link.lsl_stream import DISTANCES, MARKERS, POSES, THIS_COMPUTER


def main() -> None:
    source = sys.argv[1]
    pylsl.set_config_content(THIS_COMPUTER)
    inlets = {}
    for name in (POSES, DISTANCES, MARKERS):
        found = pylsl.resolve_bypred(
            f"name='{name}' and starts-with(source_id,'{source}')", 1, 15.0
        )
        if not found:
            print("none", flush=True)
            return
        inlets[name] = pylsl.StreamInlet(found[0], recover=False)
        inlets[name].open_stream(timeout=30.0)
    print("ready", flush=True)
    got: dict[str, dict[str, Any]] = {name: {"samples": [], "times": []} for name in inlets}
    end = time.monotonic() + 60.0
    while time.monotonic() < end and ["ended"] not in got[MARKERS]["samples"]:
        for name, inlet in inlets.items():
            samples, times = inlet.pull_chunk(timeout=0.05)
            got[name]["samples"] += samples
            got[name]["times"] += times
    for name, inlet in inlets.items():
        info, channels = inlet.info(), []
        entry = info.desc().child("channels").child("channel")
        for _ in range(info.channel_count()):
            channels.append([entry.child_value(key) for key in ("label", "type", "unit")])
            entry = entry.next_sibling()
        got[name] |= {"channels": channels, "rate": info.nominal_srate(), "type": info.type()}
        got[name]["correction"] = inlet.time_correction(timeout=30.0)
    print(json.dumps(got), flush=True)


if __name__ == "__main__":
    main()
