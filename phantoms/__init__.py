"""Printed phantoms and their twin: anatomy, kit, and the simulated cameras."""
