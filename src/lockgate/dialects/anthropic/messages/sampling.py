"""The knobs of generation, as far as a family of Claude models takes them; while it thinks it takes hardly any."""

from __future__ import annotations

from typing import Any

from lockgate.core.request import Request
from lockgate.dialects.anthropic.messages.models import Family

#: Sampling members without a place in the API, by their canonical names.
_UNSAID = ("seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs")


def sampling_members(request: Request, family: Family, *, thinks: bool) -> dict[str, Any]:
    """`temperature`, `top_p`, `top_k` and `stop_sequences`; what cannot be said is noted as a loss."""
    sampling = request.sampling
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    taken = family.sampling
    if temperature is not None:
        if not taken or thinks:
            if temperature != 1:
                request.lose("temperature")
            temperature = None
        elif temperature > 1:
            request.lose("temperature above 1")
            temperature = 1
    if top_p is not None and (not taken or (thinks and top_p < 0.95) or (temperature is not None and not family.both)):
        if top_p != 1:
            request.lose("top_p")
        top_p = None
    if top_k is not None and (not taken or thinks):
        request.lose("top_k")
        top_k = None
    stop = [sequence for sequence in sampling.stop if sequence.strip()]
    if len(stop) < len(sampling.stop):
        request.lose("stop of white space")
    for name in _UNSAID:
        if getattr(sampling, name):
            request.lose(name)
    if (sampling.n or 1) > 1:
        request.lose("n")
    said = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "stop_sequences": stop or None}
    return {name: value for name, value in said.items() if value is not None}
