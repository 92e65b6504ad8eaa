"""Pictures as webcams deliver them: our tracker beside others on the same degraded pictures."""
