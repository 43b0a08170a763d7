"""Exports of the log: jobs that a process of its own does, one after another."""
