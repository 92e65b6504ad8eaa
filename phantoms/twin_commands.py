"""`nav demo` and `nav twin`: simulated punctures, and images with ground truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from nav.options import OUTPUT_NAMES, InputPath, Language, OutputFolder
from nav.terminal import console
from nav.text.catalogue import choose_language
from phantoms.phantom_commands import refuse_foreign

DEMO_FOLDER = Path("out/demo")
twin_app = App(name="twin", help="Simulated cameras with ground truth.")


def demo(
    *,
    output: Annotated[
        Path, OutputFolder(refuse_foreign), Parameter(name=OUTPUT_NAMES)
    ] = DEMO_FOLDER,
    seed: int = 0,
    headless: Annotated[bool, Parameter(negative="")] = False,
    stay: Annotated[bool, Parameter(negative="")] = False,
    calibrated: Annotated[bool, Parameter(negative="")] = False,
    large: Annotated[bool, Parameter(negative="")] = False,
    ct: Annotated[bool, Parameter(negative="")] = False,
    language: Language = None,
) -> None:
    """Run a complete simulated lateral C1-C2 puncture, computed from camera images only.

    Touches the fiducials, registers, verifies, advances a 17G needle to the dorsal subarachnoid
    space and stops at the target. Opens the live window where there is a display. Writes
    summary.json, poses.csv, truth.csv, case/, live.png and distances.png.

    Parameters
    ----------
    output
        Folder for the results.
    seed
        Other pose of the phantom, other hand, other noise.
    headless
        No window, even where there is a display.
    stay
        Leave the window open at the end.
    calibrated
        Print, fold and set up everything a little wrong, and calibrate cameras, marker bodies and
        needle from simulated images first; takes some minutes more.
    large
        Cameras of 1920 x 1200 instead of 1280 x 800: more accurate, and slower.
    ct
        Take a random neck's simulated CT, reconstruct it and plan on it first, and navigate by
        that; true distances are written beside the shown bounds. Takes some minutes more.
    """
    from phantoms.demo.run_demo import run_demo

    choose_language(language)
    run_demo(
        output,
        seed=seed,
        headless=headless,
        stay=stay,
        console=console(),
        calibrated=calibrated,
        large=large,
        ct=ct,
    )


@twin_app.command(name="images")
def twin_images(
    *,
    output: Annotated[Path, OutputFolder(refuse_foreign), Parameter(name=OUTPUT_NAMES)],
    frames: int = 60,
    seed: int = 0,
    rig: InputPath | None = None,
    blur: float = 1.0,
    noise: float = 2.0,
    shot: float | None = None,
    exposure_ms: float = 5.0,
    gamma: float = 1.0,
    gradient: float = 0.15,
    hide: float = 0.0,
    speed: float = 40.0,
    plain: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Simulate camera images with ground truth, to test any tracker.

    Writes a folder of PNGs for each camera, rig.toml, needle.toml, reference.toml, times.csv and
    truth.csv (true poses in the rig frame, columns as poses.csv).

    Parameters
    ----------
    output
        Folder to write: empty or new.
    frames
        Number of frame sets.
    seed
        Other motion of the hand, other noise.
    rig
        Another rig than the default two cameras of 1920 x 1200.
    blur
        Defocus, standard deviation, px.
    noise
        Read noise, standard deviation, grey levels.
    shot
        Electrons per grey level for shot noise; none by default.
    exposure_ms
        Exposure time, ms: what moves meanwhile is blurred.
    gamma
        Display gamma; 1 is a linear camera.
    gradient
        Brightness of the right edge less the left one, relative to the middle.
    hide
        Share of the needle's markers hidden by a finger-like patch in each frame, 0 to 1.
    speed
        Speed of the hand, mm/s.
    plain
        An even grey background instead of the phantom.
    """
    from phantoms.twin.images import ImageSettings, write_images
    from phantoms.twin.sensor import Optics

    optics = Optics(blur, noise, shot, exposure_ms / 1000.0, gamma, (gradient, -gradient / 2))
    settings = ImageSettings(frames, seed, rig, optics, hide, speed, plain)
    write_images(output, settings, console())


COMMANDS = (demo,)
