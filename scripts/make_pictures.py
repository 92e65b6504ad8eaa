"""Make the pictures of the documentation, all but the calibration window's: `make pictures`."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from nav.model.case import load_case
from nav.planning.plan_command import PlanOptions, plan_case
from nav.reconstruction.reconstruct_command import reconstruct_scan
from nav.registration.dwell_segments import DwellSettings
from nav.registration.register_command import PointsOptions, register_touched
from nav.touch_input import load_touches
from phantoms.anatomy.mesh import Mesh
from phantoms.anatomy.standard_neck import Anatomy, standard_anatomy
from phantoms.anatomy.variants import preset, variant_names
from phantoms.demo.run_demo import run_demo
from phantoms.demo.work import OPTICS
from phantoms.kit.build import build_phantom
from phantoms.kit.papers.studio import Shown, Studio, View
from phantoms.recipe import named_recipe, random_recipe
from phantoms.twin.ct_write import write_volume
from phantoms.twin.images import ImageSettings, write_images
from phantoms.twin.scan import simulate_scan
from phantoms.twin.scan_draw import draw_scan
from phantoms.twin.simulated_ct import axial_picture, closed, ct_volume

IMAGES = Path("docs/images")
SLICES = {"C1": 12.0, "C1-C2": 0.0, "C2": -12.0}  # z of the model frame, mm
COLUMNS = 5
TILE = (320, 370)  # pixels
FROM_THE_LEFT = View((1.0, 0.55, 0.12), (0.0, 0.0, 1.0))
AROUND_THE_GAP = 34.0  # mm, half the height of a variant's picture
BONE, RED, CORD, DURA = (
    (0.88, 0.83, 0.71),
    (0.80, 0.13, 0.13),
    (0.84, 0.76, 0.36),
    (0.55, 0.74, 0.90),
)
SCANS = ((0, False), (1, True), (6, True), (27, True), (20, True), (8, True))  # seed, hard
SCAN_TILE, SCAN_SIDE = 330, 150.0  # pixels, mm
PLAN_SIZE, PLAN_COLOURS = (1400, 1000), 192
VIEW_COLOURS = 256  # of the picture of a case's window
DEMO_HOLD = 0.3  # s: the simulated hand stays for a third of a second
CROP = (960, 720)  # pixels of a camera's picture


def main() -> None:
    """Make them all in docs/images."""
    console = Console()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        window(work / "demo", console)
        registration_error(work / "demo", console)
        kit(work / "kit", console)
        slices(work / "kit" / "case.toml")
        scans()
        case_view(work / "case", console)
        camera(work / "images", console)
        variants(work)
        plans(work, console)


def window(work: Path, console: Console) -> None:
    """Take the live window at the target, from the demonstration.

    Parameters
    ----------
    work : Path
        Folder for the demonstration, not there yet.
    console : rich.console.Console
        Where progress is shown.
    """
    run_demo(work, seed=0, headless=True, stay=False, console=console)
    shutil.copyfile(work / "live.png", IMAGES / "window.png")


def registration_error(demo: Path, console: Console) -> None:
    """Take the predicted TRE over the bones, by the touches in the demonstration's poses.

    Parameters
    ----------
    demo : Path
        Folder of the demonstration.
    console : rich.console.Console
        Where progress is shown.
    """
    poses, tools = demo / "poses.csv", (demo / "needle.toml", demo / "reference.toml")
    touches = load_touches(poses, console, *tools, settings=DwellSettings(hold=DEMO_HOLD))
    options = PointsOptions(picture=IMAGES / "tre.png")
    case, output = demo / "case" / "case.toml", demo / "registration-by-dwell.toml"
    register_touched(case, poses, touches, output, console, options)


def kit(work: Path, console: Console) -> None:
    """Take the standard phantom, from its guide's cover.

    Parameters
    ----------
    work : Path
        Folder for the kit, not there yet.
    console : rich.console.Console
        Where progress is shown.
    """
    build_phantom(named_recipe(), "wet", work, "A4", False, console)
    shutil.copyfile(work / "pictures" / "cover.png", IMAGES / "phantom.png")


def slices(case: Path) -> None:
    """Draw axial slices of a CT of the standard neck.

    Parameters
    ----------
    case : Path
        case.toml of the standard kit.
    """
    volume = ct_volume(closed(load_case(case)))
    tiles = []
    for name, z in SLICES.items():
        tile = Image.fromarray(axial_picture(volume, z))
        written(tile, name, 255)
        tiles.append(tile)
    _side_by_side(tiles, len(tiles)).save(IMAGES / "phantom-slices.png", optimize=True)


def scans() -> None:
    """Draw axial and sagittal slices of six simulated scans of random necks."""
    tiles = []
    for seed, hard in SCANS:
        recipe = random_recipe(seed)
        anatomy = standard_anatomy(recipe.parameters, recipe.name)
        scan = simulate_scan(anatomy, draw_scan(seed, hard))
        volume, middle = scan.volume, scan.truth.scan_from_anatomy.translation
        axial = volume.values[round((middle[2] + 4.0 - volume.origin[2]) / volume.spacing[2])]
        sagittal = volume.values[
            ::-1, :, round((middle[0] + 2.0 - volume.origin[0]) / volume.spacing[0])
        ]
        across, down = float(volume.spacing[0]), float(volume.spacing[2])
        tile = Image.new("L", (SCAN_TILE, 2 * SCAN_TILE))
        tile.paste(_shown(axial, across, across), (0, 0))
        tile.paste(_shown(sagittal, across, down), (0, SCAN_TILE))
        written(tile, f"{'hard' if hard else 'standard'}, seed {seed}", 255)
        tiles.append(tile)
    _side_by_side(tiles, 3).save(IMAGES / "scans.png", optimize=True)


def _shown(plane: np.ndarray, across: float, down: float) -> Image.Image:
    """Return a slice in a bone window, its middle 150 mm."""
    grey = np.clip((plane.astype(float) + 350.0) * (255.0 / 1500.0), 0, 255).astype(np.uint8)
    scale = SCAN_TILE / SCAN_SIDE
    size = round(plane.shape[1] * across * scale), round(plane.shape[0] * down * scale)
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    whole = Image.new("L", (SCAN_TILE, SCAN_TILE))
    whole.paste(picture, tuple((SCAN_TILE - n) // 2 for n in size))
    return whole


def case_view(work: Path, console: Console) -> None:
    """Take a case reconstructed from a simulated CT as `nav view` shows it.

    The CT is that of the second neck of SCANS.

    Parameters
    ----------
    work : Path
        Folder for scan and case, not there yet.
    console : rich.console.Console
        Where progress is shown.
    """
    from nav.view.case.view_command import ViewOptions, view_case

    seed, hard = SCANS[1]
    recipe = random_recipe(seed)
    scan = simulate_scan(standard_anatomy(recipe.parameters, recipe.name), draw_scan(seed, hard))
    work.mkdir(parents=True)
    file = work / "scan.nii.gz"
    write_volume(file, scan.volume.values, scan.volume.origin, scan.volume.spacing)
    reconstruct_scan(file, work / "case", None, "reconstructed neck", console)
    overview = Image.open(work / "case" / "overview.png").convert("RGB")
    overview.quantize(VIEW_COLOURS).save(IMAGES / "reconstruction.png", optimize=True)
    picture = work / "view.png"
    view_case(work / "case", ViewOptions(size="1600x1000"), picture, console)
    Image.open(picture).quantize(VIEW_COLOURS).save(IMAGES / "view.png", optimize=True)


def camera(work: Path, console: Console) -> None:
    """Take the middle of what the left camera sees.

    Parameters
    ----------
    work : Path
        Folder for the images, not there yet.
    console : rich.console.Console
        Where progress is shown.
    """
    settings = ImageSettings(1, 1, None, OPTICS, 0.0, 50.0, False)
    write_images(work, settings, console)
    picture = Image.open(work / "left" / "000000.png")
    left, top = ((a - b) // 2 for a, b in zip(picture.size, CROP, strict=True))
    picture.crop((left, top, left + CROP[0], top + CROP[1])).save(IMAGES / "camera.png")


def variants(work: Path) -> None:
    """Draw bones, cord, sac and arteries of every variant, seen from the left and behind.

    Parameters
    ----------
    work : Path
        Folder for single pictures.
    """
    tiles = []
    with Studio(TILE) as studio:
        for name in ("standard", *variant_names()):
            path = work / f"{name}.png"
            studio.take(path, shown(standard_anatomy(preset(name))), FROM_THE_LEFT, [gap()])
            tile = Image.open(path).convert("RGB")
            written(tile, name, (29, 39, 51))
            tiles.append(tile)
    _side_by_side(tiles, COLUMNS).save(IMAGES / "phantom-variants.png", optimize=True)


def plans(work: Path, console: Console) -> None:
    """Take plans of the standard neck, and of one with an artery in the gap.

    Parameters
    ----------
    work : Path
        Folder for cases and plans.
    console : rich.console.Console
        Where progress is shown.
    """
    for name, picture in (("standard", "plan-overview"), ("intersegmental", "plan-refused")):
        case = work / f"case-{name}"
        build_phantom(named_recipe(name), "wet", case, "a4", True, console)
        plan_case(case, work / f"plan-{name}", PlanOptions(), console)
        overview = Image.open(work / f"plan-{name}" / "overview.png").convert("RGB")
        overview.thumbnail(PLAN_SIZE)
        overview.quantize(PLAN_COLOURS).save(IMAGES / f"{picture}.png", optimize=True)


def shown(anatomy: Anatomy) -> list[Shown]:
    """Return what is within the neck, coloured.

    Parameters
    ----------
    anatomy : Anatomy
        The neck.

    Returns
    -------
    list of Shown
        Bones, arteries, cord and translucent dura, model frame, mm.
    """
    colours = {"bone": BONE, "artery": RED, "cord": CORD, "dura": DURA}
    return [
        Shown(
            Mesh(s.vertices, s.triangles),
            colours[s.role],
            0.35 if s.role == "dura" else 1.0,
            edges=False,
        )
        for s in anatomy.structures
        if s.role in colours
    ]


def gap() -> Shown:
    """Return a box about the gap of C1 and C2, which fills the picture.

    Returns
    -------
    Shown
        Without triangles, model frame, mm.
    """
    corners = np.array(np.meshgrid(*[(-1.0, 1.0)] * 3)).reshape(3, -1).T
    middle = np.array([8.0, -4.0, 2.0])
    flat = corners * [4.0, 4.0, AROUND_THE_GAP] + middle
    return Shown(Mesh(flat, np.zeros((0, 3), np.int32)), BONE)


def written(tile: Image.Image, text: str, colour: int | tuple[int, int, int]) -> None:
    """Write text into the upper left corner of a picture.

    Parameters
    ----------
    tile : PIL.Image.Image
        Is drawn on.
    text : str
        The text.
    colour : int or tuple of 3 int
        0 to 255, grey or RGB as the picture is.
    """
    ImageDraw.Draw(tile).text((10, 8), text, colour, ImageFont.load_default(tile.width // 26 + 6))


def _side_by_side(tiles: list[Image.Image], columns: int) -> Image.Image:
    width, height = (max(tile.size[axis] for tile in tiles) for axis in (0, 1))
    rows = -(-len(tiles) // columns)
    whole = Image.new(tiles[0].mode, (columns * width, rows * height))
    for index, tile in enumerate(tiles):
        whole.paste(tile, (index % columns * width, index // columns * height))
    return whole


if __name__ == "__main__":
    main()
