"""pyigtl as a server: `python -m tests.link.pyigtl_sender PORT`, ends when its input does."""

import sys
import threading
import time

import numpy as np
import pyigtl


def transform(name, x, status):
    matrix = np.eye(4)
    matrix[:3, 3] = [x, -20.0, 300.0]
    message = pyigtl.TransformMessage(matrix, device_name=name)
    message.header_version = 2
    message.metadata["TransformStatus"] = status
    return message


def main() -> None:
    server = pyigtl.OpenIGTLinkServer(port=int(sys.argv[1]), local_server=True)
    print("listening", flush=True)
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    number = 0
    while not over.is_set():
        if server.is_connected():
            seen = number // 25 % 2 == 0
            status = "OK" if seen else "OUT_OF_VIEW"
            server.send_message(transform("NeedleToTracker", float(number), status), wait=False)
            server.send_message(transform("ReferenceToTracker", 5.0, "OK"), wait=False)
            number += 1
        time.sleep(0.02)


if __name__ == "__main__":
    main()
