"""`nav lab init`: what is found, what is asked, what is taken, and that nothing is overwritten."""

import io
import os
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nav.camera.webcam import Device
from nav.cli import main
from nav.core.errors import InputError
from nav.core.files import sha256
from nav.lab.lab_check import check_lab_file
from nav.lab.lab_init import InitOptions, init_lab
from nav.lab.lab_questions import MOST_TRIES, AskUser, NobodyToAsk, TakeBest
from nav.lab.lab_search import search_folder
from nav.tracking.tool import load_tool, write_tool
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.kit.export_kit import write_kit_toml, write_parts
from phantoms.kit.part import Part
from phantoms.kit.solid import box, mesh_of
from tests.lab.lab_folder import CASE, write_lab_folder
from tests.synthetic import small_rig

NAMES = small_rig(2).names
WEBCAMS = (Device(0, "Webcam one"), Device(2, "Webcam two"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_lab_folder(folder).unlink()
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    """The current folder, with rig, tools and case, and no lab.toml."""
    here = shutil.copytree(whole, tmp_path / "lab")
    monkeypatch.chdir(here)
    return here


def quiet():
    return Console(file=io.StringIO(), width=1000)


def init(questions=None, devices=WEBCAMS, **options):
    """Write lab.toml in the current folder; return its data and what was said."""
    console = quiet()
    questions = questions or TakeBest(console)
    init_lab(Path("lab.toml"), InitOptions(**options), console, questions, devices)
    return tomllib.loads(Path("lab.toml").read_text()), console.file.getvalue()


class Answers(AskUser):
    """A user who types these lines; afterwards the input has ended."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        super().__init__(quiet(), self._next)

    def _next(self, prompt):
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def choose(self, what, option, choices):
        self.asked.append((what, list(choices)))
        return super().choose(what, option, choices)


def second_case(folder, plan=True):
    """Another case, made later, with a plan."""
    text = CASE.replace('name = "boxes"', 'name = "planned"\nmade_at = 2026-01-02T03:04:05Z')
    if plan:
        text += '[[plan]]\nname = "left"\nentry = [0, 0, 0]\ntarget = [9, 0, 0]\n'
    (folder / "case" / "planned.toml").write_text(text)


def test_what_is_found_is_a_set_up_that_is_well(folder):
    data, said = init()
    assert data["rig"] == "rig.toml"
    assert data["tools"] == ["needle.toml", "reference.toml"]
    assert data["case"] == "case/case.toml"
    assert data["cameras"] == dict(zip(NAMES, (0, 2), strict=True))
    assert "registration" not in data
    found = check_lab_file(Path("lab.toml"), WEBCAMS)
    assert (found.problems, found.remarks) == ([], [])
    assert "nav live needs no options here" in said


def test_paths_are_relative_to_the_file(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    console = quiet()
    case = folder / "case" / "case.toml"
    init_lab(Path("lab/lab.toml"), InitOptions(case=case), console, TakeBest(console), WEBCAMS)
    data = tomllib.loads(Path("lab/lab.toml").read_text())
    assert (data["rig"], data["case"]) == ("rig.toml", "case/case.toml")


def test_the_best_is_taken_with_the_reasons(folder):
    second_case(folder)
    data, said = init()
    assert data["case"] == "case/planned.toml"
    assert "planned, 1 fiducial, 1 plan, made 2026-01-02 03:04 UTC; 1 other, see --case" in said


def test_the_user_chooses_by_number(folder):
    second_case(folder)
    user = Answers("7", "two", "2", "2")
    data, _ = init(user)
    assert data["case"] == "case/case.toml"
    assert data["cameras"] == dict(zip(NAMES, (2, 0), strict=True))
    assert [what for what, _ in user.asked] == ["case", f"camera {NAMES[0]}"]


def test_enter_takes_the_first(folder):
    second_case(folder)
    data, _ = init(Answers("", ""))
    assert data["case"] == "case/planned.toml"


@pytest.mark.parametrize("answers", [(), ("9",) * MOST_TRIES])
def test_without_an_answer_nothing_is_written(folder, answers):
    second_case(folder)
    with pytest.raises(InputError, match=r"case: no answer; give --case FILE, or --yes"):
        init(Answers(*answers))
    assert not Path("lab.toml").exists()


def test_without_a_terminal_one_line_says_what_to_give(folder):
    second_case(folder)
    with pytest.raises(InputError) as refused:
        init(NobodyToAsk())
    assert "case/planned.toml" in str(refused.value)
    assert str(refused.value).endswith("Give --case FILE, or --yes for the first")
    data, _ = init(
        NobodyToAsk(), case=Path("case/case.toml"), cameras=(f"{NAMES[0]}=3", f"{NAMES[1]}=1")
    )
    assert data["cameras"] == dict(zip(NAMES, (3, 1), strict=True))


def test_an_earlier_registration_is_used_only_where_the_user_says_so(folder):
    (folder / "registration.toml").write_text(
        'format = "c1c2nav/registration/1"\n'
        "model_from_reference = { rotation_vector = [0, 0, 0], translation = [0, 0, 0] }\n"
        f"covariance = {[[1e-4 * (i == j) for j in range(6)] for i in range(6)]}\n"
        'method = "points"\nfre = 0.2\n'
    )
    assert "registration" not in init()[0]
    assert "registration" not in init(Answers("1", "1"))[0]
    assert init(Answers("2", "1"))[0]["registration"] == "registration.toml"


def test_what_is_missing_is_a_comment_and_a_thing_to_do(folder):
    Path("rig.toml").unlink()
    shutil.rmtree("case")
    data, said = init()
    text = Path("lab.toml").read_text()
    assert {"rig", "case", "cameras"}.isdisjoint(data)
    assert "# To be filled in: calibrate the cameras with nav calibrate rig." in text
    assert "to do: lab.toml: rig: is missing" in said
    assert "to do: lab.toml: case: is missing" in said
    assert said.rstrip().endswith("then nav lab check")


def test_too_few_webcams_are_told(folder):
    data, said = init(devices=WEBCAMS[:1])
    assert "cameras" not in data
    assert f"cameras: 2 needed ({', '.join(NAMES)}), connected: 0 (Webcam one)" in said


def test_a_body_whose_tip_is_not_calibrated_is_no_reference_body(folder):
    (folder / "kit").mkdir()
    needle = load_tool(Path("needle.toml"))
    write_tool(
        folder / "kit" / "needle.toml", type(needle)(needle.name, needle.dictionary, needle.markers)
    )
    found = search_folder(folder)
    assert [c.path.name for c in found.needles] == ["needle.toml"]
    assert [c.path.name for c in found.references] == ["reference.toml"]


def test_a_kits_own_files_give_way_to_measured_ones_and_its_case_is_named(folder):
    kit = folder / "kit"
    kit.mkdir()
    drawn = replace(load_tool(Path("reference.toml")), scale_sd=None)
    write_tool(kit / "reference.toml", drawn)
    shutil.copytree("case", kit, dirs_exist_ok=True)
    mesh = mesh_of(box((0.0, 0.0, 0.0), (10.0, 20.0, 3.0)))
    parts = (Part("brick", "A brick", mesh, None, "PLA", (0.9, 0.8, 0.7), "Flat.", 1),)
    write_parts(kit, parts)
    write_kit_toml(kit / "kit.toml", "neck", "dry", AnatomyParameters(), parts, 7)
    found = search_folder(folder)
    assert [c.path.parent.name for c in found.references] == ["lab"]
    (case,) = (c for c in found.cases if c.path.parent.name == "kit")
    assert "of the dry kit neck" in case.reasons
    write_tool(Path("reference.toml"), drawn)  # measured by nobody, so the user is asked
    assert len(search_folder(folder).references) == 2


def test_what_cannot_be_used_is_told_and_left_out(folder):
    Path("rig.toml").write_text('format = "c1c2nav/rig/1"\ncamera = 3\n')
    data, said = init()
    assert "rig" not in data
    assert "not usable: rig.toml: camera" in said


@pytest.mark.parametrize("name", ["new\nline.toml", "bell\a.toml", os.fsdecode(b"\xff.toml")])
def test_a_file_whose_name_no_entry_can_have_is_told_and_left_out(folder, name):
    os.rename("needle.toml", name)
    data, said = init()
    assert data["tools"] == ["reference.toml"]
    assert "not usable: " in said
    assert "lab.toml cannot have it: rename it" in said
    with pytest.raises(InputError, match=r"lab\.toml cannot have it: rename it"):
        init(needle_file=Path(name))


def test_a_folder_called_tilde_is_not_the_users_own(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "home"))
    Path("~").mkdir()
    os.rename("needle.toml", "~/needle.toml")
    data, _ = init()
    assert data["tools"][0] == "./~/needle.toml"
    assert check_lab_file(folder / "lab.toml", WEBCAMS).problems == []


def test_earlier_results_and_hidden_folders_are_not_searched(folder):
    shutil.copy("needle.toml", "needle.1.toml")
    shutil.copytree("case", "case.1")
    shutil.copytree("case", ".trash")
    shutil.copytree("case", "sessions")
    found = search_folder(folder)
    assert len(found.needles) == len(found.cases) == 1


def test_an_empty_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no rig.toml, tool file or case.toml was found"):
        init()
    assert list(tmp_path.iterdir()) == []


def run(*arguments):
    """The exit code of a command."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_nothing_is_overwritten(folder, capsys):
    Path("lab.toml").write_text("# my notes\n")
    assert run("lab", "init", "--yes") == 2
    assert "was not written by c1c2nav" in capsys.readouterr().err
    assert Path("lab.toml").read_text() == "# my notes\n"
    assert run("lab", "init", "--yes", "--output", "rig.toml") == 2
    Path("lab.toml").unlink()
    assert run("lab", "init", "--yes") == 0
    first = sha256(Path("lab.toml"))
    Path("lab.toml").write_text(Path("lab.toml").read_text() + "\n# mine\n")
    assert run("lab", "init", "--yes", "--language", "de") == 0
    assert "the old lab.toml is kept as lab.1.toml" in capsys.readouterr().out
    assert Path("lab.1.toml").read_text().endswith("# mine\n")
    assert sha256(Path("lab.toml")) != first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rig", "nothing.toml"), "nav: nothing.toml: no such file"),
        (("--case", "rig.toml"), 'nav: rig.toml: format: expected "c1c2nav/case/1"'),
        (("--needle-file", "rig.toml"), 'nav: rig.toml: format: expected "c1c2nav/tool/1"'),
        (("--language", "xx"), "nav: --language: expected one of en, de"),
        (("--camera", "up=1"), "nav: --camera up=1: the rig has no camera up"),
        (("--output", "no/lab.toml"), "nav: no/lab.toml: there is no folder no"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(folder, capsys, arguments, said):
    before = sorted(folder.rglob("*"))
    assert run("lab", "init", "--yes", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)
    assert sorted(folder.rglob("*")) == before


def test_check_and_show_of_what_was_written(folder, capsys):
    assert run("lab", "check") == 2
    assert capsys.readouterr().err == "nav: lab.toml: no such file\n"
    cameras = [word for name in NAMES for word in ("--camera", f"{name}={len(name)}")]
    assert run("lab", "init", "--yes", *cameras) == 0
    capsys.readouterr()
    assert run("lab", "check") == 0
    assert "lab.toml: ready" in capsys.readouterr().out
    assert run("lab", "show") == 0
    shown = capsys.readouterr().out
    assert "nav live --no-lab --rig rig.toml --tool needle.toml" in shown
    assert "recording.folder" in shown
    Path("case/cord.ply").unlink()
    assert run("lab", "check") == 2
    assert "case: case/case.toml: structure cord: mesh:" in capsys.readouterr().err
