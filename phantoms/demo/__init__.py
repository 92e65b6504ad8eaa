"""A complete simulated puncture, from touching fiducials to the target, computed from pictures."""
