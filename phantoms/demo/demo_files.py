"""The files of a demonstration that the pipeline reads; light to import."""

from pathlib import Path

from nav.camera.rig import Rig, write_rig
from nav.core.errors import InputError
from nav.tracking.tool import write_tool
from phantoms.anatomy.anatomy_files import write_case
from phantoms.anatomy.standard_neck import Anatomy
from phantoms.kit.kit_case import phantom_case
from phantoms.twin.default_rig import SMALL_SIZE, default_rig
from phantoms.twin.simulated_tools import needle_tool, reference_tool


def write_demo_files(
    out: Path, size: tuple[int, int] = SMALL_SIZE, calibrated: bool = False
) -> tuple[Anatomy, Rig]:
    """Write case, rig and tools into a folder, and return what is simulated.

    Parameters
    ----------
    out : Path
        Folder; created if it does not exist.
    size : tuple of 2 ints, optional
        Width and height of the simulated cameras' images, px.
    calibrated : bool, optional
        Rig and tools are to be calibrated, and are not written.

    Returns
    -------
    anatomy : Anatomy
        The phantom.
    rig : Rig
        The cameras as they truly are.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    anatomy, rig = phantom_case(), default_rig(size)
    write_rig_and_tools(out, rig, calibrated)
    write_case(anatomy, out / "case")
    return anatomy, rig


def write_rig_and_tools(out: Path, rig: Rig, calibrated: bool) -> None:
    """Create the folder, and write rig and tools unless they are to be calibrated.

    Parameters
    ----------
    out : Path
        Folder; created if it does not exist.
    rig : Rig
        The cameras.
    calibrated : bool
        Rig and tools are to be calibrated, and are not written.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    if not calibrated:
        write_rig(out / "rig.toml", rig)
        for tool in (needle_tool(), reference_tool()):
            write_tool(out / f"{tool.name}.toml", tool)
