"""What is done once: cameras, rig, marker bodies and needle."""
