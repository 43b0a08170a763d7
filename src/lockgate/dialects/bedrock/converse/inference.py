"""The knobs of generation and of thinking: Converse's own few, and those that each family spells in its own way.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-converse-api.html
"""

from __future__ import annotations

from typing import Any

from lockgate.core.request import Effort, Request
from lockgate.dialects.anthropic.messages.models import family_of as claude_of
from lockgate.dialects.anthropic.messages.reasoning import reasoning_members
from lockgate.dialects.anthropic.messages.sampling import sampling_members
from lockgate.dialects.bedrock.converse.families import Family

_Object = dict[str, Any]

#: Members of sampling that no model behind Converse takes, by their canonical names.
_UNSAID = ("seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs")

_LEVEL: dict[Effort, str] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def inference(request: Request, family: Family, *, forced: bool) -> tuple[_Object, _Object]:
    """`inferenceConfig` and the additional fields of the model; `forced`: it must call a tool."""
    return _claude(request, forced=forced) if family.claude else _other(request, family)


def _claude(request: Request, *, forced: bool) -> tuple[_Object, _Object]:
    claude = claude_of(request.model)
    limit, thinking, output = reasoning_members(request, claude, forced=forced)
    thinks = thinking.get("type") in ("enabled", "adaptive")
    said = sampling_members(request, claude, thinks=thinks)
    config: _Object = {}
    # Without a limit of the caller's the API takes the model's own, which may leave no room for a budget of thinking.
    if request.sampling.max_tokens is not None or thinks:
        config["maxTokens"] = limit
    for name, own in (("temperature", "temperature"), ("top_p", "topP"), ("stop_sequences", "stopSequences")):
        if name in said:
            config[own] = said[name]
    additional: _Object = {}
    if thinking:
        additional["thinking"] = thinking
    if output and claude.thinks in ("adaptive", "both"):  # effort beside a budget is taken by Anthropic's own API only
        additional["output_config"] = output
    if "top_k" in said:
        additional["top_k"] = said["top_k"]
    return config, additional


def _other(request: Request, family: Family) -> tuple[_Object, _Object]:
    sampling = request.sampling
    temperature = sampling.temperature
    if temperature is not None and temperature > 1:
        request.lose("temperature above 1")
        temperature = 1
    stop = [sequence for sequence in sampling.stop if sequence]
    said = {"maxTokens": sampling.max_tokens, "temperature": temperature, "topP": sampling.top_p, "stopSequences": stop or None}
    config = {name: value for name, value in said.items() if value is not None}
    additional = _thinking(request, family, config)
    if sampling.top_k is not None:
        if family.top_k == "nova":
            additional["inferenceConfig"] = {"topK": sampling.top_k}
        else:
            request.lose("top_k")
    for name in _UNSAID:
        if getattr(sampling, name):
            request.lose(name)
    if (sampling.n or 1) > 1:
        request.lose("n")
    return config, additional


def _thinking(request: Request, family: Family, config: _Object) -> _Object:
    """How much to think, as the family is told; {} for one that cannot be told."""
    wanted = request.reasoning
    if wanted is None:
        return {}
    off = wanted.effort == "none" or (wanted.effort is None and wanted.budget == 0)
    level = _level(wanted.effort, wanted.budget)
    if family.thinking == "nova":
        if off:
            return {"reasoningConfig": {"type": "disabled"}}
        if level == "high":  # then the model takes no limits
            for name in ("maxTokens", "temperature", "topP"):
                if config.pop(name, None) is not None:
                    request.lose(f"{name} with high reasoning")
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}
    if family.thinking == "openai":
        return {"reasoning_effort": "low" if off else level}
    if family.thinking == "qwen" and not off:
        return {"reasoning_config": "low" if level == "low" else "high"}
    request.lose("reasoning")
    return {}


def _level(effort: Effort | None, budget: int | None) -> str:
    if effort is not None and effort != "none":
        return _LEVEL[effort]
    if budget is None:
        return "medium"
    return "low" if budget <= 2048 else "medium" if budget <= 12288 else "high"
