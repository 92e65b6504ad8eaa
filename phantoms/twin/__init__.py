"""The twin: camera pictures of a scene whose truth is known."""
