"""What runs during a puncture: camera frames in, distances and alarms out."""
