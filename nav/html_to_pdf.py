"""Print HTML as a PDF on A4: the same HTML gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import matplotlib

from nav.core.errors import InputError

FONTS = {"normal": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}  # Matplotlib's, by weight
MONOSPACED = "DejaVuSansMono.ttf"
PLACE = "http://page.invalid/"  # that the page's addresses are relative to; nothing is sent there


def pdf_printer() -> ModuleType:
    """Load WeasyPrint, which takes seconds and needs the system's Pango.

    Returns
    -------
    module
        weasyprint.

    Raises
    ------
    InputError
        Pango is not installed.
    """
    try:
        import weasyprint
    except OSError:
        raise InputError(
            "PDF: the library Pango is missing; install it (Debian: apt-get install "
            "libpango-1.0-0 libpangoft2-1.0-0)"
        ) from None
    return weasyprint


def write_pdf(path: Path, html: str, replaceable: bool = False) -> None:
    """Print HTML as PDF; its pictures are found relative to the file's folder.

    Parameters
    ----------
    path : Path
        Of the PDF.
    html : str
        The page, with its style for print.
    replaceable : bool
        Leave the page's author uncompressed (PDF 1.4), by which `nav.core.filekinds.file_kind`
        knows a file that a later one may replace.

    Raises
    ------
    InputError
        Pango is not installed, or a picture cannot be read.
    OSError
        The file cannot be written.
    """
    weasyprint = pdf_printer()
    fonts = weasyprint.text.fonts.FontConfiguration()
    style = weasyprint.CSS(string=_typeface(), font_config=fonts)
    page = weasyprint.HTML(string=html, base_url=PLACE, url_fetcher=_pictures(path.parent))
    try:
        # whole fonts: cutting unused letters out of them puts the time into the file
        options = {"pdf_version": "1.4"} if replaceable else {}
        data = page.write_pdf(stylesheets=[style], font_config=fonts, full_fonts=True, **options)
    except weasyprint.urls.FatalURLFetchingError as error:
        raise InputError(f"{path}: {error}: {error.__cause__}") from None
    path.write_bytes(data)


def _pictures(folder: Path) -> Any:
    """Return what reads pictures in the page or below a folder, and nothing else.

    WeasyPrint names pictures by their address. It is the same in every folder.
    """
    urls = pdf_printer().urls

    class Pictures(urls.URLFetcher):  # type: ignore[name-defined]
        def fetch(self, url: str, headers: object = None) -> Any:
            if url.startswith("data:"):
                return super().fetch(url, headers)
            name = unquote(url.removeprefix(PLACE))
            return urls.URLFetcherResponse(url, (folder / name).read_bytes())

    return Pictures(fail_on_errors=True)


def font_folder() -> Path:
    """Return the folder of Matplotlib's fonts.

    Returns
    -------
    Path
        Where FONTS and MONOSPACED are.
    """
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _typeface() -> str:
    """Return CSS for one typeface, so that the pages do not depend on the system's fonts."""
    folder = font_folder()
    faces = [("guide", weight, file) for weight, file in FONTS.items()]
    faces.append(("guide mono", "normal", MONOSPACED))
    rules = [
        f'@font-face {{ font-family: "{family}"; font-weight: {weight};'
        f" src: url({(folder / file).as_uri()}); }}"
        for family, weight, file in faces
    ]
    used = {"body": "guide", "@page": "guide", "code": "guide mono"}
    rules += [f'{where} {{ font-family: "{name}" !important; }}' for where, name in used.items()]
    return "\n".join(rules)
