"""`nav accuracy measure`: a plan and its recordings in, a report out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from nav.accuracy.accuracy_day import AccuracyDay, evaluate_day
from nav.accuracy.accuracy_plan import PlanFile, load_plan
from nav.accuracy.limits import judge_day, verdict
from nav.accuracy.report_json import report_json
from nav.accuracy.report_page import report_html
from nav.core.files import sha256
from nav.core.outputs import written_together
from nav.html_to_pdf import pdf_printer, write_pdf

JSON, HTML, PDF = "report.json", "report.html", "report.pdf"


def measure(plan_path: Path, output: Path, console: Console) -> AccuracyDay:
    """Evaluate a plan's recordings and write report.json, report.html and report.pdf.

    Parameters
    ----------
    plan_path : Path
        plan.toml; its files are beside it.
    output : Path
        Folder; earlier reports in it are kept under a number.
    console : rich.console.Console
        For the main figures.

    Returns
    -------
    AccuracyDay

    Raises
    ------
    InputError
        See `evaluate_day` and `nav.core.outputs.written_together`; or Pango is not installed.
    """
    pdf_printer()  # says what is missing before the work
    plan = load_plan(plan_path)
    day = evaluate_day(plan, plan_path.parent)
    inputs = _inputs(plan, plan_path)
    page, data = report_html(day, inputs), report_json(day, inputs)
    with TemporaryDirectory() as folder:
        printed = Path(folder) / PDF
        write_pdf(printed, page, replaceable=True)
        with written_together(*(output / name for name in (JSON, HTML, PDF))) as (one, two, three):
            one.write_text(data, encoding="utf-8")
            two.write_text(page, encoding="utf-8")
            three.write_bytes(printed.read_bytes())
    _print_summary(day, output, console)
    return day


def _inputs(plan: PlanFile, path: Path) -> list[dict[str, str]]:
    names = [plan.needle, plan.reference, plan.block, *(entry.file for entry in plan.recording)]
    files = [path, *(path.parent / name for name in dict.fromkeys(names))]
    return [{"file": file.name, "sha256": sha256(file)} for file in files]


def _print_summary(day: AccuracyDay, output: Path, console: Console) -> None:
    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    for place, one in day.multi.items():
        line(
            f"{place}: {one.distances.count} distances, rms {one.distances.rms.value:.3f} mm; "
            f"FRE {one.fre:.3f} mm"
        )
    for (test, place), single in day.single.items():
        bias = single.statistics.bias
        assert bias is not None
        line(
            f"{place}, {test}: {single.statistics.count} touches, bias {bias.value:.3f} mm, "
            f"largest {single.statistics.largest:.3f} mm"
        )
    line(f"U = {day.budget.expanded:.3f} mm per axis (k = {day.budget.coverage:.2f})")
    for figure in judge_day(day):
        if figure.word != "pass":
            line(f"{figure.name}: {figure.word} (limit {figure.limit:g} mm) {figure.where}")
    line(f"verdict: {verdict(judge_day(day))}")
    line(f"wrote {output / JSON}, {HTML} and {PDF}")
