"""Measurements of a neck on its meshes."""
