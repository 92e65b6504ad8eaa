"""List, check, repair and delete recorded sessions, and report what happened in one."""
