"""`nav track`, `live` and `doctor`: each loads what it needs only when it runs."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nav.core.errors import InputError
from nav.core.filekinds import POSES, TIMING, toml_kind
from nav.link.igtl_options import NO_OPTIONS, IgtlOptions
from nav.link.link_options import NO_LINKS, LinkOptions
from nav.options import (
    IgtlNames,
    InputPath,
    Language,
    Output,
    OutputFolder,
    PositionSd,
    ReferenceName,
    RotationSdDeg,
    beside_suffix,
    toml_output,
)
from nav.terminal import console
from nav.text.catalogue import choose_language

RigFile = Annotated[InputPath, Parameter(name="--rig", help="rig.toml: the cameras.")]
ToolFiles = Annotated[
    list[InputPath],
    Parameter(name="--tool", negative="", help="A tool file; give it once for every tool."),
]


def track(
    *,
    rig: RigFile,
    tool: ToolFiles,
    images: InputPath,
    output: Annotated[Path, Output(POSES, ((beside_suffix(".toml"), toml_kind("poses")),))],
    relative_to: str | None = None,
    fps: float | None = None,
    timing: Annotated[Path | None, Output(TIMING)] = None,
    smooth: int | None = None,
    language: Language = None,
    igtl: IgtlOptions = NO_OPTIONS,
) -> None:
    """Track tools through recorded images; writes poses.csv.

    Example: nav track --rig rig.toml --tool needle.toml --tool reference.toml --images recording
    --output poses.csv --relative-to reference

    Exit code 3 where a recording ends early (a file that was cut off, for example): what exists of
    it is tracked and written.

    Parameters
    ----------
    images
        A folder with a sub-folder of images, or a video file, for each camera of the rig (named
        like it); for a rig of one camera also one image folder or video itself.
    output
        The table to write; a .toml of the same stem beside it says what it was made from.
    relative_to
        Give poses in this tool's frame instead of the rig's.
    fps
        Images per second where neither times.csv nor the video says it (30 by default).
    timing
        Also write how long each frame set took: frame, read_ms, track_ms, mode (follow where no
        whole image was searched for markers, else acquire).
    smooth
        Give the mean of so many frame sets' poses instead of each one's own. They come late by
        half of that; the delay is printed and recorded in the .toml. Off by default.
    """
    from nav.track import TrackOptions, track_recording

    choose_language(language)
    track_options = TrackOptions(relative_to, fps, timing, smooth, igtl.setups(console()))
    track_recording(rig, tool, images, output, track_options, console())


def live(
    *,
    rig: Annotated[InputPath | None, Parameter(help="rig.toml: the cameras.")] = None,
    tool: ToolFiles | None = None,
    case: InputPath | None = None,
    camera: Annotated[list[str] | None, Parameter(name="--camera", negative="")] = None,
    images: InputPath | None = None,
    poses: InputPath | None = None,
    twin: Annotated[bool, Parameter(negative="")] = False,
    registration: InputPath | None = None,
    needle: str | None = None,
    reference: ReferenceName | None = None,
    fps: float | None = None,
    save: Annotated[Path | None, toml_output("registration")] = None,
    seed: int = 0,
    language: Language = None,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    lab: InputPath | None = None,
    no_lab: Annotated[bool, Parameter(negative="")] = False,
    record: Annotated[Path | None, OutputFolder(), Parameter(negative="")] = None,
    no_record: Annotated[bool, Parameter(negative="")] = False,
    no_pictures: Annotated[bool, Parameter(negative="")] = False,
    lossless: Annotated[bool, Parameter(negative="")] = False,
    code: str | None = None,
    igtl: IgtlOptions = NO_OPTIONS,
    igtl_name: IgtlNames = None,
    links: LinkOptions = NO_LINKS,
) -> None:
    """Navigate in the live window: webcams, recorded images or poses, or the simulated twin.

    Example: nav live --rig rig.toml --tool needle.toml --tool reference.toml --case case.toml
    --camera left=0 --camera right=2

    In a folder with a lab.toml (`nav lab init` writes it) no options are needed; those that are
    given override its entries.

    Without --registration the window leads through touching the fiducials: put the tip into the
    divot it names, hold still, press Space.

    Parameters
    ----------
    case
        case.toml: structures, fiducials and plans.
    camera
        NAME=NUMBER: which webcam is which camera of the rig; give it once for every camera.
    images
        Recorded images instead of webcams, as `nav track` takes them.
    poses
        Poses tracked before, or by something else, instead: poses.csv of `nav track --relative-to
        REFERENCE`, a session's folder, what PLUS or 3D Slicer (.igs.mha, .seq.nrrd) or Perk Tutor
        (.xml) recorded, or igtl://HOST:PORT: another tracker, live, as PLUS sends it by
        OpenIGTLink.
    twin
        A simulated puncture instead; it brings its own rig, tools and case.
    registration
        registration.toml of an earlier registration; the reference body must not have moved since.
        It must be of this case and reference body, and one check point is touched first.
    needle
        Name of the navigated tool; "needle" by default.
    reference
        Name of the reference body; "reference" by default.
    fps
        Images per second where neither times.csv nor the video says it (30 by default).
    save
        Write the registration that was made to this file.
    seed
        With --twin: other pose of the phantom, other hand, other noise.
    lab
        The set-up to use instead of the current folder's lab.toml.
    no_lab
        Use no lab.toml.
    record
        Folder of sessions, where this use (poses, what was shown, images) is recorded; "sessions"
        by default with cameras or another tracker.
    no_record
        Record nothing.
    no_pictures
        Record everything but the cameras' images.
    lossless
        Record images bit for bit also from cameras that do not send JPEG, for accuracy work; by
        default those are recorded as JPEG of quality 95. JPEG from cameras is kept as sent.
    code
        Pseudonym of who or what is punctured (letters, digits, hyphens); part of the folder's name.
    """
    choose_language(language)
    from nav.record.session.record_setup import record_options

    recording = record_options(record, no_record, no_pictures, lossless, code)
    if twin:
        from phantoms.demo.live_demo import run_twin

        if rig or tool or case or camera or images or poses or lab:
            raise InputError("nav live: --twin brings its own rig, tools, case and cameras")
        sent = (*igtl.setups(console()), *links.setups(console()))
        run_twin(seed, console(), (*recording.setups("twin"), *sent))
        return
    from nav.lab.lab_live import LiveOptions, live_setup
    from nav.run_live import run_live

    given = LiveOptions(
        rig=rig,
        tools=tuple(tool or ()),
        case=case,
        cameras=tuple(camera or ()),
        images=images,
        poses=poses,
        registration=registration,
        needle=needle,
        reference=reference,
        fps=fps,
        save=save,
        position_sd=position_sd,
        rotation_sd_deg=rotation_sd_deg,
        language=language,
        record=recording,
        igtl=igtl,
        links=links,
        igtl_names=tuple(igtl_name or ()),
    )
    setup = live_setup(given, lab, no_lab)
    choose_language(setup.options.language)
    job = setup.job(console())
    for line in setup.lines:
        console().print(line)
    run_live(job, console())


def doctor() -> None:
    """Check whether this computer is ready: cameras, graphics, libraries, disk."""
    from nav.doctor import print_doctor

    sys.exit(print_doctor())


COMMANDS = (track, live, doctor)
