"""A client in a process of its own, for `tests.bench.links`: reads, and says how old messages are.

python tests/bench/link_client.py HOST PORT: prints "ready", and at the end of the stream the
number of messages, the median and the 99th percentile of their ages, ms. It imports nothing else,
so that it starts at once.
"""

import socket
import struct
import sys
import time

KEPT = 100_000  # ages of so many messages
HEADER = struct.Struct(">H12s20sQQQ")


def main(host: str, port: int) -> None:
    count, data = 0, bytearray()
    ages: list[float] = []
    with socket.create_connection((host, port)) as connected:
        print("ready", flush=True)
        while piece := connected.recv(1 << 16):
            now = time.time()
            data += piece
            at = 0
            while len(data) - at >= HEADER.size:
                _, _, _, timestamp, size, _ = HEADER.unpack_from(data, at)
                if len(data) - at < HEADER.size + size:
                    break
                at += HEADER.size + size
                count += 1
                if len(ages) < KEPT:
                    ages.append(now - timestamp / 2**32)
            del data[:at]
    ages.sort()
    print(count, 1e3 * ages[len(ages) // 2], 1e3 * ages[int(0.99 * len(ages))])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
