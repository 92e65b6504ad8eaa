"""Write the small sessions that stay in the tests (run this file as a module).

They are made once for each format version, by the program that first wrote it, and never again:
what comes later must go on reading them.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from nav.record.session.session_format import FORMAT_VERSION
from tests.record.session_replay.small_sessions import (
    write_picture_session,
    write_second_registration_session,
)

KEPT = Path(__file__).parents[1] / "session_versions"
MOST_BYTES = 200_000  # of one session


def main() -> None:
    """Write both sessions of the present format version; refuse to replace any."""
    for name, write in (
        ("pictures", write_picture_session),
        ("poses", write_second_registration_session),
    ):
        kept = KEPT / f"{FORMAT_VERSION}-{name}"
        if kept.exists():
            sys.exit(f"{kept} exists: sessions of a format version are not made again")
        with tempfile.TemporaryDirectory() as folder:
            made = write(Path(folder))
            shutil.copytree(made, kept)
        size = sum(path.stat().st_size for path in kept.iterdir())
        print(kept, size, "bytes")
        assert size < MOST_BYTES


if __name__ == "__main__":
    main()
