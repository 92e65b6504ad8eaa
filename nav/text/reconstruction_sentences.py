"""Why a part of a reconstruction has no answer, in English."""

from nav.text.template import Template

RECONSTRUCTION: dict[str, Template] = {
    "canal_too_short": "{length_mm} mm of the canal between C4 and skull in view",
    "neck_too_short": "the scan holds less than 4 mm of the neck",
    "only_air": "nothing but air in the neck's region",
    "divot_outside": "it lies outside the scan",
    "divot_unlike": "the scan shows no such cone",
    "divot_part": "its part was not found",
}
