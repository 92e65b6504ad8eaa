"""Reading and writing the public files: clear errors, provenance, nothing half-written."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import numpy as np
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.spatial.transform import RigidTransform

import nav
from nav.core.errors import InputError
from nav.core.frames import rigid
from nav.core.outputs import written_whole
from nav.core.textfile import MOST_NESTED, MOST_TOML_BYTES, check_values, open_regular, read_text

# strict: neither strings nor booleans are accepted as numbers
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Vector3 = tuple[Number, Number, Number]
Matrix3 = tuple[Vector3, Vector3, Vector3]
Vector6 = tuple[Number, Number, Number, Number, Number, Number]
Matrix6 = tuple[Vector6, Vector6, Vector6, Vector6, Vector6, Vector6]

RECORD_FILE = "session.mcap"  # of a session's folder

# a dotted key: the parser's time grows with the square of its parts
LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MOST_NESTED}}}"""
)
EXPECTED = {
    "missing": "is missing",
    "extra_forbidden": "unknown key; remove it or check the spelling",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "string_type": "expected a text in quotes",
    "bool_type": "expected true or false",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "string_pattern_mismatch": "expected 64 hexadecimal digits",
    "model_type": "expected a table",
    "dict_type": "expected a table",
    "model_attributes_type": "expected a table",
}


class FileModel(BaseModel):
    """A table of a public file: unknown keys are refused, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InputHash(FileModel):
    """One input of a written file: its name and SHA-256."""

    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class PublicFile(FileModel):
    """The provenance that every written file carries: program, time, inputs."""

    made_by: str | None = None
    made_at: str | datetime | None = None
    input: tuple[InputHash, ...] = ()


class TransformTable(FileModel):
    """``{ rotation_vector = [rx, ry, rz], translation = [tx, ty, tz] }``, rad and mm."""

    rotation_vector: Vector3
    translation: Vector3

    def rigid(self) -> RigidTransform:
        """Return the transform, in mm."""
        return rigid(self.rotation_vector, self.translation)


Model = TypeVar("Model", bound=PublicFile)


def load_toml(path: Path, model: type[Model]) -> Model:
    """Load a public TOML file, checked against its model.

    Parameters
    ----------
    path : Path
        The file.
    model : type
        Subclass of `PublicFile`.

    Returns
    -------
    PublicFile
        An instance of `model`.

    Raises
    ------
    InputError
        Missing, unreadable, not TOML, or a field that breaks the format: file, field, expected.
    """
    return checked(read_toml(path), model, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read the data of any TOML file, bounded in size, depth and magnitude of numbers.

    Parameters
    ----------
    path : Path
        The file, UTF-8.

    Returns
    -------
    dict
        Its data, as `tomllib` returns it.

    Raises
    ------
    InputError
        Missing, unreadable, not TOML, or beyond the bounds.
    """
    text = read_text(Path(path), MOST_TOML_BYTES, utf16=False)
    if LONG_KEY.search(text):
        raise InputError(f"{path}: not valid TOML: a key of more than {MOST_NESTED} parts")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{path}: not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}".splitlines()[0]) from None
    except ValueError:
        raise InputError(f"{path}: not valid TOML: an integer of thousands of digits") from None
    check_values(data, str(path))
    return data


def checked(data: Mapping[str, Any], model: type[Model], name: str) -> Model:
    """Validate the data of a public file against its model.

    Parameters
    ----------
    data : mapping
        As read from the file.
    model : type
        Subclass of `PublicFile`; where it has a field ``format``, that is checked first.
    name : str
        The file, with which the error line begins.

    Returns
    -------
    PublicFile
        An instance of `model`.

    Raises
    ------
    InputError
        A field that breaks the format: file, field, expected.
    """
    if "format" in model.model_fields:
        (value,) = get_args(model.model_fields["format"].annotation)
        if data.get("format") != value:
            found = repr(data.get("format"))
            raise InputError(f'{name}: format: expected "{value}", got {found:.60}')
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{name}: {located_problems(error, data)[0][1]}") from None


def located_problems(
    error: ValidationError, data: Mapping[str, Any]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Return everything that a validation found wrong.

    Parameters
    ----------
    error : pydantic.ValidationError
        Of the validation.
    data : mapping
        What was validated.

    Returns
    -------
    list of (tuple, str)
        Keys and indices of the place, and a line that begins with it.
    """
    problems = error.errors(include_url=False)
    return [(tuple(one["loc"]), _problem_line(one, problems, data)) for one in problems]


def _problem_line(problem: Any, problems: Sequence[Any], data: Mapping[str, Any]) -> str:
    location = tuple(problem["loc"])
    kind, context, value = problem["type"], problem.get("ctx", {}), problem.get("input")
    if kind == "missing" and _in_list(location):
        # every entry that a list of fixed length lacks is a problem of its own
        location = location[:-1]
        same = (p["loc"] for p in problems if tuple(p["loc"][:-1]) == location)
        wanted = 1 + max(int(entry[-1]) for entry in same)
        message = f"expected {wanted} entries, got {len(_at(data, location) or ())}"
    elif kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length", "more"))
        message = f"expected {wanted} entries, got {len(_at(data, location) or ())}"
    elif kind == "value_error":
        message = str(context.get("error", problem["msg"]))
    elif kind in EXPECTED:
        message = EXPECTED[kind]
        if kind not in ("missing", "extra_forbidden"):
            message += f", got {value!r:.60}"
    else:
        message = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}, got {value!r:.60}"
    place = _place(location, data)
    line = f"{place}: {message}" if place else message
    return "".join(c if c.isprintable() else "?" for c in line)


def _in_list(location: Sequence[str | int]) -> bool:
    return bool(location) and isinstance(location[-1], int)


def _at(data: Any, location: Sequence[str | int]) -> Any:
    for key in location:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _place(location: Sequence[str | int], data: Any) -> str:
    """Return 'marker 10: corners' rather than 'marker.0.corners'."""
    parts: list[str] = []
    for depth, key in enumerate(location):
        if isinstance(key, int) and parts:
            entry = _at(data, location[: depth + 1])
            own = entry if isinstance(entry, dict) else {}
            label = own.get("name", own.get("id", own.get("label", f"number {key + 1}")))
            parts[-1] += f" {label}"
        else:
            parts.append(str(key))
    return ": ".join(parts)


def provenance(inputs: Sequence[Path] = ()) -> dict[str, Any]:
    """Return the provenance of a file that is about to be written.

    Parameters
    ----------
    inputs : sequence of Path, optional
        Files that it is made from, or folders of sessions.

    Returns
    -------
    dict
        ``made_by``, ``made_at``, and ``input`` with the inputs' names and SHA-256; of a session
        that of its record.
    """
    made: dict[str, Any] = {
        "made_by": f"c1c2nav {nav.__version__}",
        "made_at": datetime.now(UTC).replace(microsecond=0),
    }
    if inputs:
        made["input"] = [
            {"file": name, "sha256": sha256(file)} for name, file in map(_hashed, inputs)
        ]
    return made


def _hashed(path: Path) -> tuple[str, Path]:
    """Return an input's name, and the file that stands for it."""
    path = Path(path)
    record = path / RECORD_FILE
    return (
        (f"{path.resolve().name}/{RECORD_FILE}", record) if record.is_file() else (path.name, path)
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 digest of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    InputError
        It is missing or not a regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_toml(path: Path, data: Mapping[str, Any], inputs: Sequence[Path] = ()) -> None:
    """Write a public TOML file with its provenance, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    data : mapping
        With the key ``format``. Entries that are None are left out.
    inputs : sequence of Path, optional
        Files that it is made from, for the provenance.

    Raises
    ------
    InputError
        See `nav.core.outputs.written_together`.
    """
    text = toml_text(data, inputs)
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def toml_text(data: Mapping[str, Any], inputs: Sequence[Path] = ()) -> str:
    """Return the text of a public TOML file with its provenance.

    Parameters
    ----------
    data : mapping
        With the key ``format``. Entries that are None are left out.
    inputs : sequence of Path, optional
        Files that it is made from, for the provenance.

    Returns
    -------
    str
    """
    document = {"format": data["format"], **provenance(inputs), **data}
    return tomli_w.dumps(plain_values(document))


def plain_values(value: Any) -> Any:
    """Convert values to types that TOML can hold.

    Parameters
    ----------
    value : object
        Mappings, sequences, NumPy arrays and scalars, nested; anything else is kept.

    Returns
    -------
    object
        The same in dictionaries, lists, strings and numbers; None entries of mappings are left out.
    """
    if isinstance(value, str):  # file names may hold bytes that are no UTF-8
        return value.encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(value, Mapping):
        return {
            plain_values(key): plain_values(entry)
            for key, entry in value.items()
            if entry is not None
        }
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain_values(entry) for entry in value]
    return value


def transform_table(transform: RigidTransform) -> dict[str, list[float]]:
    """Return a transform as files hold it.

    Parameters
    ----------
    transform : RigidTransform
        In mm.

    Returns
    -------
    dict
        ``rotation_vector`` (rad) and ``translation`` (mm), three numbers each.
    """
    return {
        "rotation_vector": transform.rotation.as_rotvec().tolist(),
        "translation": transform.translation.tolist(),
    }
