"""Configurations of other gateways, made into a `lockgate.yaml`, with findings on what became of each of their parts."""
