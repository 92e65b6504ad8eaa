"""The points that needles have."""

from typing import Literal

Bevel = Literal["cutting", "tuohy", "pencil"]
