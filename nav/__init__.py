"""What runs during a puncture: camera frames in, distances and alarms out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("c1c2nav")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

NOTICE = "Research use only, not a medical device"
