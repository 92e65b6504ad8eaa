"""Cameras and rigs calibrated by pictures of a flat target."""
