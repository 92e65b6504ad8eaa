"""The OpenIGTLink server as commands start it: options, nav track, nav live."""

import csv
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import Rotation

from nav import cli
from nav.core.errors import InputError
from nav.link.igtl_content import EXITING
from nav.link.igtl_frames import FLIP, device_names
from nav.link.igtl_observer import IgtlSetup
from nav.link.igtl_options import IgtlOptions
from nav.link.network_address import NetworkAddress
from nav.live.feed import ProcessFeed
from nav.live.messages import Command, Ended, Ready, Update
from nav.run_live import live_job
from nav.tracking.tool import load_tool
from phantoms.anatomy.anatomy_files import write_case
from phantoms.kit.kit_case import phantom_case
from tests.link.igtl_listener import PATIENCE, Listener
from tests.live.looping import write_recording

FRAMES = 12
COMPILING = 600.0  # s, where nothing is compiled yet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("igtl")
    write_recording(out / "recording", frames=FRAMES, seed=7)
    write_case(phantom_case(), out / "case")
    return out


@pytest.fixture
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return NetworkAddress("127.0.0.1", free.getsockname()[1])


def connected(address):
    """A listener, as soon as there is a server: 3D Slicer tries again and again, too."""
    end = time.monotonic() + COMPILING
    while True:
        try:
            return Listener(address)
        except OSError:
            assert time.monotonic() < end
            time.sleep(1e-3)


class Patient(threading.Thread):
    """Connects as soon as it can, and reads to the end."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.listener = address, None
        self.start()

    def run(self):
        self.listener = connected(self.address)
        self.listener.socket.settimeout(COMPILING)
        self.listener.rest()

    def messages(self):
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.listener.received


def test_nav_track_serves_every_frame_in_ras_with_the_needles_tip_as_origin(
    folder, address, capsys
):
    recording, patient = folder / "recording", Patient(address)
    tools = [
        word for name in ("needle", "reference") for word in ("--tool", recording / f"{name}.toml")
    ]
    output = folder / "poses.csv"
    arguments = [
        "track", "--rig", recording / "rig.toml", *tools, "--images", recording, "--output", output,
        "--relative-to", "reference", "--igtl-server", address.port,
    ]  # fmt: skip
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in arguments])
    assert end.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"OpenIGTLink (slicer) on {address}: this computer only" in said
    messages = patient.messages()
    assert (messages[-1].device, messages[-1].content.code) == ("c1c2nav", EXITING)
    found = patient.listener.named("NeedleToReference")
    assert len(found) == FRAMES
    with output.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tool"] == "needle"]
    axis = load_tool(recording / "needle.toml").tip.axis
    for message, row in zip(found, rows, strict=True):
        tip = np.array([float(row[f"tip_{name}"]) for name in "xyz"])
        turned = Rotation.from_quat([float(row[f"q{name}"]) for name in "xyzw"])
        matrix = message.content.matrix
        assert matrix[:3, 3] == pytest.approx(tip * FLIP[:3], abs=1e-3)
        assert matrix[:3, 2] == pytest.approx(turned.apply(axis) * FLIP[:3], abs=1e-5)


def noticed(feed):
    """Codes of the notices that the window is to show."""
    end = time.monotonic() + PATIENCE
    while not isinstance(update := feed.newest(), Update):
        assert time.monotonic() < end
        time.sleep(1e-3)
    return [notice.code for notice in update.notices]


def test_nav_live_serves_from_the_tracking_process(folder, address):
    """Also from the start again, on the same port."""
    recording = folder / "recording"
    job = live_job(
        None,
        [recording / "needle.toml", recording / "reference.toml"],
        folder / "case" / "case.toml",
        recording / "truth.csv",
        cameras=(), images=None, registration=None, needle="needle", reference="reference",
        fps=None, save=None, observers=(IgtlSetup(address),),
    )  # fmt: skip
    feed = ProcessFeed(job)
    try:
        assert isinstance(feed.first(60.0), Ready)
        for _ in range(2):
            listener = connected(address)
            listener.until(lambda m: m.device == "c1c2nav")
            listener.ask("GET_POLYDATA")
            feed.send(Command("play"))
            listener.until(lambda m: m.device == "NeedleToTracker")
            listener.until(lambda m: m.kind == "POLYDATA")
            assert "igtl_clients" in noticed(feed)
            feed.send(Command("restart"))
            listener.rest()
            assert listener.received[-1].content.code == EXITING
    finally:
        feed.close()
    names = device_names(one.name for one in phantom_case().structures)
    assert {m.device for m in listener.received if m.kind == "POLYDATA"} <= set(names.values())


def test_a_port_in_use_ends_nav_live_with_one_line(folder, address):
    recording = folder / "recording"
    job = live_job(
        None,
        [recording / "needle.toml", recording / "reference.toml"],
        folder / "case" / "case.toml",
        recording / "truth.csv",
        cameras=(), images=None, registration=None, needle="needle", reference="reference",
        fps=None, save=None, observers=(IgtlSetup(address),),
    )  # fmt: skip
    with socket.create_server((address.host, address.port)):
        feed = ProcessFeed(job)
        ended = feed.first(60.0)
        feed.close()
    assert isinstance(ended, Ended)
    assert "cannot listen on" in ended.problem.facts["problem"]


def setup_of(**options):
    console = Console(record=True, width=200)
    (setup,) = IgtlOptions(**options).setups(console)
    return setup, console.export_text()


def test_it_listens_on_this_computer_only_unless_told_otherwise():
    setup, said = setup_of(server="18944")
    assert (setup.address.host, setup.address.port, setup.profile) == ("127.0.0.1", 18944, "slicer")
    assert "this computer only" in said
    setup, said = setup_of(server="0.0.0.0:18944", profile="astm")
    assert (setup.address.host, setup.profile) == ("0.0.0.0", "astm")
    assert "OPEN TO THE NETWORK" in said


def test_without_options_there_is_no_server():
    assert IgtlOptions().setups(Console(quiet=True)) == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"profile": "astm"}, "--profile: has no meaning without --igtl-server"),
        ({"tdata": True}, "--igtl-tdata: has no meaning without --igtl-server"),
        ({"server": "here"}, "--igtl-server here: expected"),
        ({"server": "99999"}, "--igtl-server 99999: expected"),
        ({"server": "18944", "profile": "astm", "tdata": True}, "--igtl-tdata: is not for"),
        ({"server": "18944", "profile": "astm", "version": 1}, "--igtl-version: is not for"),
    ],
)
def test_options_that_make_no_sense_are_one_line(options, said):
    with pytest.raises(InputError, match=said) as error:
        IgtlOptions(**options).setups(Console(quiet=True))
    assert "\n" not in str(error.value)


def test_the_profile_astm_needs_a_phantom_and_one_pointer(needle, reference):
    setup = IgtlSetup(NetworkAddress("127.0.0.1", 0), "astm")
    setup.open_for_tracking([needle, reference], "reference").close()
    second = replace(needle, name="stylus")
    for tools, relative_to, count in (
        ([needle, reference], None, 1),
        ([reference], "reference", 0),
        ([needle, second, reference], "reference", 2),
    ):
        with pytest.raises(InputError, match=f"there are {count}"):
            setup.open_for_tracking(tools, relative_to)


def test_names_that_are_too_long_are_cut_and_stay_different():
    names = device_names(
        ["left vertebral artery", "left vertebral artery 2", "cord", "Rückenmarkshäute ööö"]
    )
    assert names["cord"] == "cord"
    assert len(set(names.values())) == 4
    assert all(len(name.encode()) <= 20 for name in names.values())
