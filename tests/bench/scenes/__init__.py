"""Pictures of marker bodies drawn by brute force, by code that neither tracks nor prints anything.

Rays are cast through every pixel's area and exposure onto planes and rods; nothing is shared with
the tracker or the twin but the files that both write (rig.toml, TOOL.toml). `write` is the command.
"""
