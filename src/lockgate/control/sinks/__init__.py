"""`telemetry:` and `sinks:` of the configuration: where records go besides the log."""
