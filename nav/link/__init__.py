"""Links to other programs: OpenIGTLink and others, out and in."""
