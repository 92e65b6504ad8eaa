"""A file that is about to be replaced is kept under a number."""

import shutil
from itertools import count
from pathlib import Path

from nav.errors import InputError


def kept_as_backup(path: Path) -> Path | None:
    """Copy `path` to the first free of stem.1.suffix, stem.2.suffix and so on; None if not there.

    Raises
    ------
    InputError
        It cannot be read, or the copy not be written.
    """
    path = Path(path)
    if not path.exists():
        return None
    for number in count(1):
        copy = path.with_name(f"{path.stem}.{number}{path.suffix}")
        made = False
        try:
            with path.open("rb") as here, copy.open("xb") as there:
                made = True
                shutil.copyfileobj(here, there)
        except FileExistsError:
            continue
        except OSError as error:
            if made:
                copy.unlink(missing_ok=True)
            raise InputError(
                f"{path}: no backup could be made as {copy.name}: {error.strerror}"
            ) from None
        return copy
    return None
