"""Look at recorded sessions, check, repair and delete them, and report what happened in one."""
