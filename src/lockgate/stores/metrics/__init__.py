"""Numbers for Prometheus: counted from the records by the scribe, shown by any worker."""
