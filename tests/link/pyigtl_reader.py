"""pyigtl as a client: `python -m tests.link.pyigtl_reader HOST PORT` tells what it reads, as JSON.

In a process of its own, which ends with its input: pyigtl's client spins for ever where a
connection ends within a header.
"""

import json
import os
import sys
import threading
import time

import pyigtl


def told(message):
    return {
        "kind": message.message_type,
        "device": message.device_name,
        "version": message.header_version,
        "time": message.timestamp,
        "metadata": dict(message.metadata),
        "matrix": message.matrix.tolist() if message.message_type == "TRANSFORM" else None,
        "text": message.string if message.message_type == "STRING" else None,
    }


def main() -> None:
    client = pyigtl.OpenIGTLinkClient(sys.argv[1], int(sys.argv[2]))

    def wait() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
    while True:
        for message in client.get_latest_messages():
            print(json.dumps(told(message)), flush=True)
        time.sleep(1e-3)


if __name__ == "__main__":
    main()
