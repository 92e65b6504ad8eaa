"""Calibration and marker maps from published real pictures, beside OpenCV's in the same run."""
