"""Is a registration as good as it says? Known truth and published data."""
