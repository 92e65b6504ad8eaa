"""Read all images of a board and search them for it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

from rich.console import Console

from calibration.board import Board
from calibration.cameras.board_detection import Seen, find_board
from calibration.cameras.board_faults import SAMPLE, find_board_fault
from nav.camera.image_files import pictures_in, read_picture, unread_pictures
from nav.camera.natural_order import natural_order
from nav.core.errors import InputError, Lost
from nav.progress_bar import progress_bar


@dataclass(frozen=True)
class Gathered:
    """What all cameras' images show.

    Attributes
    ----------
    cameras : tuple of str
        Names of the cameras.
    sizes : tuple of (int, int)
        Width and height of each one's images, px.
    instants : tuple of str
        Stems of the file names.
    seen : mapping of (int, int) to Seen
        Corners by indices of camera and instant.
    pictures : int
        How many images there are.
    damaged : tuple of str
        Names of files that cannot be read.
    """

    cameras: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    instants: tuple[str, ...]
    seen: Mapping[tuple[int, int], Seen]
    pictures: int
    damaged: tuple[str, ...]

    def name(self, camera: int, instant: int) -> str:
        """Return an image's name for people."""
        alone = len(self.cameras) == 1
        return (
            self.instants[instant] if alone else f"{self.cameras[camera]}/{self.instants[instant]}"
        )


def camera_folders(images: Path) -> dict[str, Path]:
    """Find the cameras' sub-folders of images.

    Parameters
    ----------
    images : Path
        Folder with a sub-folder for each camera.

    Returns
    -------
    dict of str to Path
        Folders by name, in natural order.

    Raises
    ------
    InputError
        It is not a folder, or no sub-folder has images in it.
    """
    if not images.is_dir():
        raise InputError(f"{images}: expected a folder with a sub-folder of images per camera")
    folders = {f.name: f for f in images.iterdir() if f.is_dir() and pictures_in(f)}
    if not folders:
        hint = "; for one camera use: nav calibrate camera" if pictures_in(images) else ""
        raise InputError(f"{images}: expected a sub-folder of images for each camera{hint}")
    return {name: folders[name] for name in natural_order(folders, str(images))}


def gather(folders: Mapping[str, Path], board: Board, console: Console) -> Gathered:
    """Search all images of some cameras' folders for the board.

    Parameters
    ----------
    folders : mapping of str to Path
        Folder of each camera by name.
    board : Board
        The board.
    console : Console
        Where progress is shown.

    Returns
    -------
    Gathered
        The corners found.

    Raises
    ------
    InputError
        No image, images of two sizes, or the board in none of a camera's images.
    """
    files = {name: pictures_in(folder) for name, folder in folders.items()}
    for name, own in files.items():
        if not own:
            unread = unread_pictures(folders[name].iterdir())
            raise InputError(
                f"{folders[name]}: no images in it" + (f", but {unread}" if unread else "")
            )
    stems = natural_order({f.stem for own in files.values() for f in own})
    jobs = [
        (camera, stems.index(f.stem), f) for camera, own in enumerate(files.values()) for f in own
    ]
    seen: dict[tuple[int, int], Seen] = {}
    sizes: dict[int, tuple[tuple[int, int], Path]] = {}
    damaged: list[str] = []

    def search(job: tuple[int, int, Path]) -> tuple[tuple[int, int] | None, Seen | None]:
        picture = read_picture(job[2])
        if isinstance(picture, Lost):
            return None, None
        return (picture.shape[1], picture.shape[0]), find_board(picture, board)

    with progress_bar(console) as bar, ThreadPoolExecutor(cpu_count()) as pool:
        task = bar.add_task("looking for the board", total=len(jobs), note="")
        for (camera, instant, file), (size, found) in zip(
            jobs, pool.map(search, jobs), strict=True
        ):
            bar.advance(task)
            if size is None:
                damaged.append(str(file))
                continue
            if sizes.setdefault(camera, (size, file))[0] != size:
                first, before = sizes[camera]
                raise InputError(
                    f"{file}: image is {size[0]} x {size[1]} but {before.name} is {first[0]} x "
                    f"{first[1]}; calibrate with images of the size you use"
                )
            if found is not None:
                seen[camera, instant] = found
    names = tuple(files)
    _check(names, folders, files, sizes, seen, board)
    return Gathered(
        names,
        tuple(sizes[k][0] for k in range(len(names))),
        tuple(stems),
        seen,
        len(jobs),
        tuple(damaged),
    )


def _check(
    names: Sequence[str],
    folders: Mapping[str, Path],
    files: Mapping[str, Sequence[Path]],
    sizes: Mapping[int, tuple[tuple[int, int], Path]],
    seen: Mapping[tuple[int, int], Seen],
    board: Board,
) -> None:
    for camera, name in enumerate(names):
        if camera not in sizes:
            raise InputError(f"{folders[name]}: none of its images can be read")
        if not any(k == camera for k, _ in seen):
            raise InputError(
                f"{folders[name]}: the board is in none of {len(files[name])} images; "
                + _instead(files[name], board)
            )


def _instead(files: Sequence[Path], board: Board) -> str:
    """Describe what is in images instead of the board, and what to do."""
    step = max(1, len(files) // SAMPLE)
    read = [read_picture(file) for file in files[::step][:SAMPLE]]
    pictures = [picture for picture in read if not isinstance(picture, Lost)]
    fault = find_board_fault(pictures, board)
    if fault is not None:
        return fault.words
    kind = f"{board.columns} x {board.rows} squares"
    kind += f", {board.dictionary}" if board.is_charuco else ", all of them in view"
    return f"expected one of {kind}: is it the board of this board.toml, sharp and well lit?"
