"""The simulator: a provider that lives in the process, so that everything can be tried without an account.

It speaks the chat completions dialect (JSON and streams), embeddings and the list of models. What it answers depends on the
request alone: no clock, no chance, no network.
"""

from lockgate.transport.sim.client import SimClient

__all__ = ["SimClient"]
