"""Options of `nav live` and a lab.toml together: a given option overrides the file's entry."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from nav.core.errors import InputError, InputErrors
from nav.lab.carried_lab import carried_lab
from nav.lab.lab_check import check_lab
from nav.lab.lab_file import LAB_NAME, Lab, LinksTable, read_lab
from nav.link.igtl_options import NO_OPTIONS, IgtlOptions
from nav.link.link_options import NO_LINKS, LinkOptions
from nav.live.live_limits import LiveLimits
from nav.record.recorded_poses import stated_errors
from nav.record.session.record_setup import RecordOptions, source_of
from nav.run_live import LiveJob, live_job

NEEDLE, REFERENCE = "needle", "reference"


@dataclass(frozen=True)
class LiveOptions:
    """Options of `nav live`, None or empty where they are not given.

    Parameters
    ----------
    rig, case, registration, save, images : Path, optional
        Files.
    tools : tuple of Path
        Tool files.
    cameras : tuple of str
        NAME=NUMBER each.
    poses : Path, optional
        Recorded poses.
    needle, reference : str, optional
        Names of tools.
    fps : float, optional
        Of images that do not say.
    position_sd, rotation_sd_deg : float, optional
        Errors of poses without one.
    language : str, optional
        Of the window.
    record : RecordOptions
        About recording.
    igtl : IgtlOptions
        About the OpenIGTLink server.
    links : LinkOptions
        About the other services.
    igtl_names : tuple of str
        TOOL=NAME each: what another tracker's server calls a tool.
    """

    rig: Path | None = None
    tools: tuple[Path, ...] = ()
    case: Path | None = None
    cameras: tuple[str, ...] = ()
    images: Path | None = None
    poses: Path | None = None
    registration: Path | None = None
    needle: str | None = None
    reference: str | None = None
    fps: float | None = None
    save: Path | None = None
    position_sd: float | None = None
    rotation_sd_deg: float | None = None
    language: str | None = None
    record: RecordOptions = field(default_factory=RecordOptions)
    igtl: IgtlOptions = NO_OPTIONS
    links: LinkOptions = NO_LINKS
    igtl_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveSetup:
    """What `nav live` does with its options and a lab.toml.

    Parameters
    ----------
    options : LiveOptions
        Complete.
    limits : LiveLimits
        Of the lab.toml.
    lab : Lab or None
        The set-up, if there is one.
    lines : tuple of str
        Notices for the user.
    """

    options: LiveOptions
    limits: LiveLimits
    lab: Lab | None
    lines: tuple[str, ...] = ()

    def job(self, console: Console) -> LiveJob:
        """Return the job of these options.

        Parameters
        ----------
        console : Console
            Who can connect is printed there.

        Returns
        -------
        LiveJob

        Raises
        ------
        InputError
            One is missing or wrong.
        """
        given = self.options
        recorder = given.record.setups(source_of(given.images, given.poses))
        return live_job(
            given.rig,
            given.tools,
            given.case,
            given.poses,
            cameras=given.cameras,
            images=given.images,
            registration=given.registration,
            needle=given.needle or NEEDLE,
            reference=given.reference or REFERENCE,
            fps=given.fps,
            save=given.save,
            stated=stated_errors(given.position_sd, given.rotation_sd_deg),
            limits=self.limits,
            lab=None if self.lab is None else carried_lab(self.lab.file),
            igtl_names=given.igtl_names,
            observers=(*recorder, *given.igtl.setups(console), *given.links.setups(console)),
        )


def live_setup(given: LiveOptions, lab: Path | None, without: bool = False) -> LiveSetup:
    """Complete the options of `nav live` from a lab.toml.

    Parameters
    ----------
    given : LiveOptions
        As the user gave them.
    lab : Path or None
        The lab.toml to use; None: that of the current folder, if there is one.
    without : bool
        Use none.

    Returns
    -------
    LiveSetup

    Raises
    ------
    InputError
        All that is wrong with entries of lab.toml that no option replaces.
    """
    if without and lab is not None:
        raise InputError("nav live: give either --lab or --no-lab")
    path = lab or Path(LAB_NAME)
    if without or (lab is None and not path.exists()):
        return LiveSetup(given, LiveLimits(), None)
    read = read_lab(path)
    replaced, lines = _replaced(given, read.lab)
    found = check_lab(read.lab, read.refused, replaced=replaced)
    problems = [*read.problems, *found.problems]
    if problems:
        raise InputErrors([*problems, f"{path}: fix these, or run nav live with --no-lab"])
    options = _completed(given, read.lab, replaced)
    return LiveSetup(options, read.lab.limits, read.lab, (f"set-up: {path}", *lines))


def _replaced(given: LiveOptions, lab: Lab) -> tuple[frozenset[str], list[str]]:
    """Return the keys of lab.toml that do not count beside these options, and a line about each."""
    source = bool(given.cameras or given.images or given.poses)
    replaced = {
        key
        for key, option in (
            ("rig", given.rig or given.poses),
            ("tools", given.tools),
            ("case", given.case),
            ("needle", given.needle),
            ("reference", given.reference),
            ("cameras", source),
            ("tracker", source),
            ("registration", given.registration),
            ("save_registration", given.save),
            ("language", given.language),
            ("links: igtl_server", given.igtl.server),
            ("links: polaris", given.links.polaris),
        )
        if option
    }
    lines = []
    other = [
        option
        for option, value in (
            ("--case", given.case), ("--tool", given.tools), ("--reference", given.reference)
        )
        if value
    ]  # fmt: skip
    if other:
        for key in ("registration", "save_registration"):
            if getattr(lab.file, key) is not None and key not in replaced:
                lines.append(f"{lab.path}: {key} is not used: it is not for {', '.join(other)}")
                replaced.add(key)
    if given.case is not None and (limits := _alarm_limits(lab)):
        lines.append(
            f"{lab.path}: its alarm limits are the lab's, and override those of {given.case} "
            f"too: {limits}"
        )
    return frozenset(replaced), lines


def _alarm_limits(lab: Lab) -> str:
    """Return its limits of alarms in words; empty where it has none."""
    limits = lab.limits
    texts = [
        f"{name}: {level} {value:g} mm"
        for by_name in (limits.by_role, limits.by_structure)
        for name, own in by_name.items()
        for level, value in own._asdict().items()
        if value is not None
    ]
    return ", ".join(texts)


def _completed(given: LiveOptions, lab: Lab, replaced: frozenset[str]) -> LiveOptions:
    """Return the options with what lab.toml has for those that are not given."""
    file = lab.file
    tracker = file.tracker if "tracker" not in replaced else None
    own: dict[str, Any] = {
        "rig": lab.rig if "rig" not in replaced else given.rig,
        "tools": given.tools or lab.tools,
        "case": given.case or lab.case,
        "needle": given.needle or file.needle,
        "reference": given.reference or file.reference,
        "language": given.language or file.language,
        "record": replace(
            given.record,
            off=given.record.off or not (file.recording.enabled or given.record.folder),
            pictures=given.record.pictures or file.recording.pictures,
            default_folder=lab.recording_folder,
        ),
        "igtl": _igtl_server(given.igtl, file.links),
        "links": LinkOptions(
            given.links.polaris or file.links.polaris,
            given.links.lsl or file.links.lsl,
            given.links.lsl_network or file.links.lsl_network,
        ),
    }
    for option, key in (("registration", "registration"), ("save", "save_registration")):
        if key not in replaced:
            own[option] = lab.located(getattr(file, key))
    if "cameras" not in replaced:
        own["cameras"] = lab.cameras
    if tracker is not None:
        own |= {
            "rig": given.rig,
            "poses": Path(tracker.poses),
            "position_sd": given.position_sd or tracker.position_sd,
            "rotation_sd_deg": given.rotation_sd_deg or tracker.rotation_sd_deg,
            "igtl_names": given.igtl_names or tuple(f"{t}={n}" for t, n in tracker.names.items()),
        }
    return replace(given, **own)


def _igtl_server(given: IgtlOptions, links: LinksTable) -> IgtlOptions:
    """Return the server's options; --igtl-server overrides all of lab.toml's entries about it."""
    if given.server is not None or links.igtl_server is None:
        return given
    profile = given.profile or links.igtl_profile
    if profile == "astm":  # it has no further options; those that are given are refused later
        return replace(given, server=links.igtl_server, profile=profile)
    return IgtlOptions(
        links.igtl_server,
        profile,
        given.version or links.igtl_version,
        given.tdata or links.igtl_tdata,
        given.polydata or links.igtl_polydata,
    )
