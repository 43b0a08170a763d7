"""Circuits that several machines share."""
