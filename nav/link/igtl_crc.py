"""The CRC of OpenIGTLink: 64 bits, polynomial of ECMA-182, initial value 0, no reflection.

With the initial value 0 it is linear: the CRC of a message is the exclusive or of what each byte
contributes at its distance from the end. So one look-up with NumPy does a whole small message.
"""

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x42F0E1EBA9EA3693
BLOCK = 256  # bytes looked up at once; their table of 512 kB fits into a core's cache
BLOCKS_AT_ONCE = 256  # of a long message, so that its memory stays small
_MASK = (1 << 64) - 1

Words = NDArray[np.uint64]


def _contributions() -> Words:
    """Return what byte value b contributes k bytes before the end, shape (BLOCK, 256)."""
    single = np.arange(256, dtype=np.uint64) << np.uint64(56)
    for _ in range(8):
        high = single >> np.uint64(63)
        single = (single << np.uint64(1)) ^ (high * np.uint64(POLYNOMIAL))
    table = np.empty((BLOCK, 256), np.uint64)
    table[0] = single
    for k in range(1, BLOCK):
        table[k] = single[table[k - 1] >> np.uint64(56)] ^ (table[k - 1] << np.uint64(8))
    return table


_TABLE = _contributions()
_FLAT = _TABLE.ravel()
_ROWS = 256 * np.arange(BLOCK - 1, -1, -1, dtype=np.intp)  # of a block's bytes, first to last
# what each byte of a CRC becomes when a whole block follows it
_CARRY = [[int(word) for word in _TABLE[BLOCK - 1 - k]] for k in range(8)]


def crc64(data: bytes | bytearray | memoryview) -> int:
    """Return the CRC of some bytes.

    Parameters
    ----------
    data : bytes-like
        Any length; nothing has the CRC 0.

    Returns
    -------
    int
        0 to 2^64 - 1.
    """
    values = np.frombuffer(data, np.uint8)
    if len(values) <= BLOCK:
        return _small(values)
    head = len(values) % BLOCK
    crc = _small(values[:head])
    step = BLOCK * BLOCKS_AT_ONCE
    for begin in range(head, len(values), step):
        blocks = values[begin : begin + step].reshape(-1, BLOCK)
        for word in np.bitwise_xor.reduce(_FLAT.take(blocks + _ROWS), axis=1).tolist():
            crc = _after_block(crc) ^ word
    return crc


def _small(values: NDArray[np.uint8]) -> int:
    return int(np.bitwise_xor.reduce(_FLAT.take(values + _ROWS[BLOCK - len(values) :])))


def _after_block(crc: int) -> int:
    """Return what an earlier CRC contributes after one more block."""
    carried = 0
    for k, byte in enumerate(crc.to_bytes(8, "big")):
        carried ^= _CARRY[k][byte]
    return carried
