"""Whether an earlier registration may be used again: what its file records, and what is given."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nav.core.errors import InputError
from nav.core.files import sha256
from nav.core.frames import Array
from nav.core.textfile import printable
from nav.registration.assessment import MOST_TRE, Assessment, CheckError
from nav.registration.assessment_notices import verdict
from nav.registration.record import MadeFor, calibration_table
from nav.registration.registration_result import RegistrationFile
from nav.text.catalogue import ENGLISH

# mm: largest FRE of a file that does not give the expected one. With the default FLE that is 0.4
# mm; in a cone a tip cannot be so far off that it is more than this.
MOST_FRE = 1.0
# times what the declared errors cause; three fiducials may have 2.4 times that by chance
MOST_FRE_RATIO = 3.0
# mm, at the target: eight fiducials touched with the least FLE accepted give twice as much
LEAST_TRE = 0.003


def describe_registration(
    found: Assessment | None,
    case: tuple[str, Path],
    reference: tuple[str, Path] | None = None,
    target: Array | None = None,
    checks: Sequence[CheckError] = (),
    verified: bool | None = None,
) -> dict[str, Any]:
    """Return the [calibration] table to write.

    Parameters
    ----------
    found : Assessment or None
        Of the registration; None where it is not known.
    case : (str, Path)
        Name and file of the case.
    reference : (str, Path), optional
        Name and file of the reference body.
    target : ndarray, shape (3,), optional
        Where the TRE was predicted, model frame, mm.
    checks : sequence of CheckError
        Check points touched since; by default those of the assessment.
    verified : bool, optional
        Whether it was confirmed by check points.

    Returns
    -------
    dict
        Entries of the table.
    """
    table: dict[str, Any] = {"case": _made_for(*case)}
    if reference is not None:
        table["reference"] = _made_for(*reference)
    if found is not None:
        table |= {
            "verdict": ENGLISH.sentence(verdict(found)),
            "fle": found.fle,
            "fiducials": list(found.labels),
            "expected_fre": found.expected_fre,
            "chi2": found.chi2,
            "freedom": found.freedom,
            "predicted_tre": found.predicted_tre,
            "target": None if found.predicted_tre is None else target,
        }
        checks = checks or found.checks
    if checks:
        table["check"] = [
            {"label": c.label, "distance": c.distance, "predicted": c.predicted} for c in checks
        ]
    if verified is not None:
        table["verified"] = verified
    return table


def _made_for(name: str, path: Path) -> dict[str, str]:
    return {"name": name, "file": path.name, "sha256": sha256(path)}


def check_use(
    path: Path,
    record: RegistrationFile,
    tre: float | None,
    case: tuple[str, Path],
    reference: tuple[str, Path] | None,
    copies: Mapping[Path, str] | None = None,
) -> tuple[str, ...]:
    """Refuse a registration that is poor or was made for other files; report what is unknown.

    Parameters
    ----------
    path : Path
        registration.toml.
    record : RegistrationFile
        Its content.
    tre : float or None
        Predicted rms error at the target of the case, mm; None without a plan.
    case : (str, Path)
        Name and file of what shall be navigated.
    reference : (str, Path) or None
        Of the reference body; None where it is not known which one is used.
    copies : mapping of Path to str, optional
        Of those files that are copies with the same values: the SHA-256 of the original.

    Returns
    -------
    tuple of str
        Date, case, FRE, TRE and verdict in a line; then what could not be checked.

    Raises
    ------
    InputError
        Made for another case or reference body, refused when it was made, or poor.
    """
    made, fre = calibration_table(record.calibration, record.fre), record.fre

    def digest_of(file: Path) -> str:
        return (copies or {}).get(file) or sha256(file)

    _check_made_for(path, record, made.case, "case", case, digest_of(case[1]))
    if reference is not None:
        digest = digest_of(reference[1])
        _check_made_for(path, record, made.reference, "reference body", reference, digest)
    if made.verdict is not None and made.verdict.startswith("repeat"):
        raise InputError(f"{path}: calibration: verdict: {made.verdict}; register again")
    most = MOST_FRE if made.expected_fre is None else MOST_FRE_RATIO * made.expected_fre
    if fre > most:
        raise InputError(
            f"{path}: fre: {fre:.2f} mm is poor, at most {most:.2f} mm is accepted; register again"
        )
    if tre is not None and not tre <= MOST_TRE:
        raise InputError(
            f"{path}: covariance: the predicted TRE at the target is {tre:.2f} mm, at most "
            f"{MOST_TRE:g} mm is accepted; register again, with more fiducials around the target"
        )
    unknown = []
    if made.case is None and not _is_input(record, digest_of(case[1])):
        unknown.append("which case it was made for")
    if reference and made.reference is None and not _is_input(record, digest_of(reference[1])):
        unknown.append("which reference body")
    if made.verdict is None:
        unknown.append("its verdict")
    lines = [_summary(path, record, made.verdict, tre, case[0])]
    if unknown:
        lines.append(f"{path.name} does not say {', '.join(unknown)}")
    if not any(map(any, record.covariance)):
        lines.append(f"{path.name} gives no error of its own (covariance 0): bounds are too large")
    elif tre is not None and tre < LEAST_TRE:
        lines.append(
            f"{path.name} gives an error of {tre:.1g} mm at the target (covariance), which no "
            "touch makes: bounds are too large"
        )
    if made.verified is False:
        lines.append(f"{path.name} was not verified by check points when it was made")
    return tuple(map(printable, lines))


def made_for_other_case(record: RegistrationFile, case: tuple[str, Path]) -> str | None:
    """Return which other case a registration was made for.

    Parameters
    ----------
    record : RegistrationFile
        Its content.
    case : (str, Path)
        Name and file of a case.

    Returns
    -------
    str or None
        None where it was made for this case, or does not say for which.
    """
    made = calibration_table(record.calibration, record.fre)
    return _other(record, made.case, case, sha256(case[1]))


def _check_made_for(
    path: Path,
    record: RegistrationFile,
    made_for: MadeFor | None,
    what: str,
    given: tuple[str, Path],
    digest: str,
) -> None:
    called = _other(record, made_for, given, digest)
    if called is None:
        return
    file = given[1]
    raise InputError(
        f"{path}: was made for another {what}: {called} as it was then, and {file} is not that "
        "(SHA-256); register again with this one, or give that one"
    )


def _other(
    record: RegistrationFile, made_for: MadeFor | None, given: tuple[str, Path], digest: str
) -> str | None:
    """Return which other file a registration was made for; None where it is this, or unknown."""
    name, file = given
    if made_for is not None:
        other = None if made_for.sha256.lower() == digest else (made_for.name, made_for.file)
    else:
        hashes = {known.sha256.lower() for known in record.input}
        same_name = [known.file for known in record.input if known.file == file.name]
        other = ("", same_name[0]) if same_name and digest not in hashes else None
    if other is None:
        return None
    return f"{other[0]} ({other[1]})" if other[0] and other[0] != name else other[1]


def _is_input(record: RegistrationFile, digest: str) -> bool:
    return digest in {known.sha256.lower() for known in record.input}


def _summary(
    path: Path, record: RegistrationFile, verdict: str | None, tre: float | None, case: str
) -> str:
    words = [f"{path.name}: {_date(record.made_at)}", f"case {case}", f"FRE {record.fre:.2f} mm"]
    if tre is not None:
        words.append(f"predicted TRE at the target {tre:.2f} mm")
    if verdict is not None:
        words.append(f"verdict {verdict.partition(':')[0]}")
    return ", ".join(words)


def _date(made_at: str | datetime | None) -> str:
    if isinstance(made_at, datetime):
        with suppress(OverflowError):  # at the limits of representable dates
            made_at = made_at if made_at.tzinfo is None else made_at.astimezone(UTC)
            return f"made {made_at:%Y-%m-%d %H:%M} UTC"
    return "of unknown date" if made_at is None else f"made {made_at}"
