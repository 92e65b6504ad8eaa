"""Messages of OpenIGTLink out of the pieces in which a connection delivers them."""

from collections.abc import Iterator, Set

from nav.link.igtl_fields import BadMessage
from nav.link.igtl_messages import HEADER_SIZE, Header, Message

# bytes of a body: more than any pose, query or case's surface has; a larger one is an error
MOST_BODY = 64 * 1024 * 1024


class MessageStream:
    """Put messages together from the pieces of a connection.

    Parameters
    ----------
    most_body : int
        Longest body that is accepted, bytes.
    kinds : set of str, optional
        Message types that are wanted; others are skipped without being kept, whatever their size
        up to `most_skipped`. All by default.
    most_skipped : int
        Longest body that is skipped, bytes.
    """

    def __init__(
        self,
        most_body: int = MOST_BODY,
        kinds: Set[str] | None = None,
        most_skipped: int = MOST_BODY,
    ) -> None:
        self.most_body, self.kinds, self.most_skipped = most_body, kinds, most_skipped
        self._pieces = bytearray()
        self._header: Header | None = None
        self._skip = 0  # bytes

    def feed(self, data: bytes | memoryview) -> Iterator[Message]:
        """Yield the messages that are complete with these bytes.

        Parameters
        ----------
        data : bytes-like
            The next piece, of any length.

        Yields
        ------
        Message

        Raises
        ------
        BadMessage
            Something else than OpenIGTLink, a wrong CRC or a body that is too long; where the next
            message begins is not known then: the connection is to be closed.
        """
        self._pieces += data
        while True:
            if self._skip:
                skipped = min(self._skip, len(self._pieces))
                del self._pieces[:skipped]
                self._skip -= skipped
            if self._header is None:
                if self._skip or len(self._pieces) < HEADER_SIZE:
                    return
                header = Header.decode(bytes(self._pieces[:HEADER_SIZE]))
                del self._pieces[:HEADER_SIZE]
                if self.kinds is not None and header.kind not in self.kinds:
                    self._check_size(header, self.most_skipped)
                    self._skip = header.body_size
                    continue
                self._check_size(header, self.most_body)
                self._header = header
            if len(self._pieces) < self._header.body_size:
                return
            header, self._header = self._header, None
            body = bytes(self._pieces[: header.body_size])
            del self._pieces[: header.body_size]
            yield header.message(body)

    @staticmethod
    def _check_size(header: Header, most: int) -> None:
        if header.body_size > most:
            raise BadMessage(
                f"{header.kind} {header.device!r}: has {header.body_size} bytes, "
                f"expected at most {most}"
            )
