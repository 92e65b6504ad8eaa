"""The `nav` command: its sub-commands by area, and what becomes of their errors."""

import inspect
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

# matrices are small: threads of linear algebra would only take processors from what else runs;
# before NumPy is loaded, and for child processes
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

import nav
from calibration.calibration_commands import calibrate_app
from calibration.print_commands import print_app
from nav import capture_commands, case_commands, navigation_commands, session_commands
from nav.accuracy_commands import accuracy_app, study_app
from nav.core.errors import (
    IncompleteInput,
    InputError,
    InputErrors,
    NothingSafe,
    NotPassed,
    TooFewToTell,
)
from nav.core.outputs import backups_reported_to
from nav.lab_commands import lab_app
from nav.options import bound_values, check_outputs, converted
from nav.registration_commands import register_app
from nav.session_commands import session_app
from nav.terminal import console, one_line, take_terminal
from nav.text.catalogue import choose_language
from nav.verification_commands import verify
from phantoms import twin_commands
from phantoms.phantom_commands import phantom_app

BAD_INPUT, INCOMPLETE_INPUT, NOTHING_SAFE = 2, 3, 4
NOT_PASSED, TOO_FEW = 1, 5
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED, TERMINATED = 130, 143
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MESSAGE_WIDTH = 10_000  # columns: an error is one line, however long its names are

app = App(
    name="nav",
    version=nav.__version__,
    help=(
        "Track a needle with cameras and printed markers, register it to a 3D-reconstructed upper "
        "cervical spine, and show how far its tip is from the vertebral artery and the spinal cord."
        "\n\n"
        f"**{nav.NOTICE}.**\n\n"
        "Begin with `nav demo` (a whole simulated puncture) and `nav doctor` (is this computer "
        "ready?)."
    ),
    help_format="markdown",
    # a name may begin with [ or {: it is not JSON
    default_parameter=Parameter(
        converter=converted, json_list=False, json_dict=False, negative_iterable=()
    ),
    suppress_keyboard_interrupt=False,  # main reports it
)
for command in (
    *navigation_commands.COMMANDS,
    *case_commands.COMMANDS,
    *capture_commands.COMMANDS,
    *twin_commands.COMMANDS,
    *session_commands.COMMANDS,
    register_app,
    verify,
    session_app,
    lab_app,
    accuracy_app,
    study_app,
    case_commands.case_app,
    twin_commands.twin_app,
    phantom_app,
    print_app,
    calibrate_app,
):
    app.command(command)


def _print_kept(old: Path, copy: Path) -> None:
    console().print(f"the old {old.name} is kept as {copy.name}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: bad input is one line and exit code 2, never a traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own; then an unexpected error is raised rather than reported.
    """
    if arguments is not None:
        code = _run(arguments, Console(stderr=True, soft_wrap=True, width=MESSAGE_WIDTH))
        sys.exit(code)
    terminal, log = take_terminal()
    level = os.environ.get("NAV_LOG", "").strip().upper() or "WARNING"
    logging.basicConfig(level=level if level in LOG_LEVELS else "WARNING")
    err = Console(file=terminal, soft_wrap=True, width=MESSAGE_WIDTH)
    if level not in LOG_LEVELS:
        _print_error(err, f"NAV_LOG: expected one of {', '.join(LOG_LEVELS)}, got {level:.40}")
        sys.exit(BAD_INPUT)
    # a command of its own: what is half written is removed on the way out
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(TERMINATED))
    try:
        code = _run(None, err)
    except Exception as error:
        logging.exception("unexpected error")
        _print_error(err, f"unexpected error, please report it: {type(error).__name__}: {error}")
        if log is not None:
            _print_error(err, f"the details are in {log}")
        code = UNEXPECTED
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    if failure is not None:
        done = "" if code else "; apart from that the command was completed"
        _print_error(
            err, f"standard output: cannot be written: {failure.strerror or failure}{done}"
        )
        code = code or BAD_INPUT
    sys.exit(code)


def _run(arguments: Sequence[str] | None, err: Console) -> int | str | None:
    """Run a command and return its exit code."""
    try:
        choose_language()
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
        if inspect.isfunction(command):  # not cyclopts' own --help and --version
            check_outputs(command, bound_values(bound))
        with backups_reported_to(_print_kept):
            app(arguments, exit_on_error=False, print_error=False)
    except SystemExit as end:
        return end.code
    except CycloptsError as error:
        _print_error(err, f"{error} (see --help)")
        return BAD_INPUT
    except InputErrors as error:
        for line in error.lines:
            _print_error(err, line)
        return BAD_INPUT
    except InputError as error:
        _print_error(err, str(error))
        return BAD_INPUT
    except IncompleteInput as error:
        _print_error(err, str(error))
        return INCOMPLETE_INPUT
    except NothingSafe as error:
        _print_error(err, str(error))
        return NOTHING_SAFE
    except NotPassed as error:
        _print_error(err, str(error))
        return NOT_PASSED
    except TooFewToTell as error:
        _print_error(err, str(error))
        return TOO_FEW
    except OSError as error:
        file = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        _print_error(err, f"{file}{error.strerror or error}")
        logging.debug("where it happened", exc_info=error)
        return BAD_INPUT
    except MemoryError:
        _print_error(err, "not enough memory; close other programs, or give smaller files")
        return BAD_INPUT
    except KeyboardInterrupt:
        _print_error(err, "interrupted")
        return INTERRUPTED
    return 0


def _print_error(err: Console, text: str) -> None:
    err.print(f"nav: {one_line(text)}", markup=False, highlight=False, emoji=False)


if __name__ == "__main__":
    main()
