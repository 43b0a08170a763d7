"""The kind of failure that a provider's error states: by the words that it has for it, by its sentence, then by its status.

A status says too little to go by: a spend cap is a 429 here and a 400 there, and neither goes away by waiting; a model's
context window is a 400, a 413, a 429 or a 200. What each provider says is a row of a table below, taken from its reference,
from its SDK's types, or from bodies that its users have shown (tests/dialects/test_error_kind.py has one of each).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.core.failure import FailureKind, kind_of_status

#: A provider's own words (code, type, status or reason; in lower case, `_` between them) that settle the kind.
_SETTLES: dict[str, FailureKind] = {
    # The request is too large for the model, or for what the account may ask at once.
    "context_length_exceeded": "context_window",
    "context_window_exceeded": "context_window",
    "exceed_context_size_error": "context_window",
    "model_max_prompt_tokens_exceeded": "context_window",
    "max_tokens_per_request": "context_window",
    # What was asked, or answered, is not allowed to be.
    "content_policy_violation": "content_policy",
    "content_policy": "content_policy",
    "content_filter": "content_policy",
    "content_filter_error": "content_policy",
    "contentfilter": "content_policy",
    "content_moderation": "content_policy",
    "responsibleaipolicyviolation": "content_policy",
    "moderation_blocked": "content_policy",
    "invalid_prompt": "content_policy",
    "cyber_policy": "content_policy",
    "misalignment_policy_violation": "content_policy",
    "data_inspection_failed": "content_policy",
    "datainspectionfailed": "content_policy",
    # No money, or a cap on it: waiting does not help, another key does.
    "insufficient_quota": "billing",
    "insufficient_balance": "billing",
    "insufficient_credits": "billing",
    "billing_error": "billing",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "billing_disabled": "billing",
    "credit_balance_exhausted": "billing",
    "organization_spend_limit_exceeded": "billing",
    "organization_usage_limit_exceeded": "billing",
    "project_spend_limit_exceeded": "billing",
    "usage_limit_exceeded": "billing",
    "spend_limit_exceeded": "billing",
    "enforced_spend_limit_reached": "billing",
    "contract_spend_limit_reached": "billing",
    "linked_organization_spend_limit_reached": "billing",
    "linked_organization_billing_unavailable": "billing",
    "user_profile_not_billable": "billing",
    "exceeded_current_quota_error": "billing",
    "arrearage": "billing",
    "accountoverdueerror": "billing",
    # The model, not the address.
    "model_not_found": "not_found",
    "invalid_model": "not_found",
    "deploymentnotfound": "not_found",
    # The key, where the status is that of a bad request.
    "api_key_invalid": "auth",
    "invalid_api_key": "auth",
    # A service that the request itself named has failed.
    "external_connector_error": "bad_request",
}

#: Words that tell the kind where no sentence tells it better: a rate limit may be a spend cap, a permission about content.
_HINTS: dict[str, FailureKind] = {
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "engine_overloaded": "overloaded",
    "engine_overloaded_error": "overloaded",
    "server_overloaded": "overloaded",
    "server_is_overloaded": "overloaded",
    "model_overloaded": "overloaded",
    "slow_down": "overloaded",
    "capacity_exceeded": "overloaded",
    "service_tier_capacity_exceeded": "overloaded",
    "flex_unavailable": "overloaded",
    "service_unavailable": "overloaded",
    "modelnotreadyexception": "overloaded",
    "serviceunavailableexception": "overloaded",
    "unavailable": "overloaded",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "rate_limited": "rate_limit",
    "ratelimitreached": "rate_limit",
    "too_many_requests": "rate_limit",
    "resource_exhausted": "rate_limit",
    "ramp_limit_exceeded": "rate_limit",
    "throttlingexception": "rate_limit",
    "servicequotaexceededexception": "rate_limit",
    "authentication_error": "auth",
    "permission_error": "auth",
    "permission_denied": "auth",
    "unauthenticated": "auth",
    "accessdeniedexception": "auth",
    "unrecognizedclientexception": "auth",
    "not_found_error": "not_found",
    "not_found": "not_found",
    "resourcenotfoundexception": "not_found",
    "timeout_error": "timeout",
    "gateway_timeout_error": "timeout",
    "request_timeout": "timeout",
    "deadline_exceeded": "timeout",
    "modeltimeoutexception": "timeout",
    "modelerrorexception": "server",
    "modelstreamerrorexception": "server",
    "cancelled": "server",
}

#: Words that blame the request and say no more; they count where there is no status.
_BLAMES = frozenset(
    {"invalid_request_error", "invalid_request", "invalid_argument", "validationexception", "request_too_large"}
)

#: Words that mean something else with one status: asking too fast is the asker's, where the servers are well.
_WITH_STATUS: dict[tuple[str, int], FailureKind] = {("slow_down", 429): "rate_limit"}


def _row(kind: FailureKind, *spellings: str) -> tuple[re.Pattern[str], FailureKind]:
    return re.compile("|".join(spellings), re.IGNORECASE | re.DOTALL), kind


#: Sentences that settle the kind, in this order; only of answers that blame the request, the key or the account.
_SENTENCES: tuple[tuple[re.Pattern[str], FailureKind], ...] = (
    _row("auth", r"(?:incorrect|invalid|expired) api key", r"api key (?:not valid|expired|is invalid|has expired)"),
    _row(
        "billing",
        r"credit balance",
        r"insufficient (?:account )?(?:balance|credits?|funds)",
        r"(?:requires|purchase) more credits",
        r"(?:any|out of) credits",
        r"credits? (?:limit|are depleted|exhausted)",
        r"used all available credits",
        r"specified (?:workspace )?api usage limits",
        r"spend(?:ing)? (?:limit|cap)",
        r"out of extra usage",
        r"key limit exceeded",
        r"in good standing",
        r"payment instrument",
        # Also how the limits per minute and day of Google's free tier begin, which name the page on rate limits.
        r"exceeded your current quota(?!.{0,200}rate-limits)",
    ),
    _row(
        "context_window",
        r"prompt (?:is )?too long",
        r"input is too long",
        r"request too large for",
        r"for long context requests",
        r"context[ _](?:length|window|size|limit)",
        r"max(?:imum)? (?:context|prompt length|model length|input length)",
        r"max_model_len",
        r"max(?:imum)? (?:allowed |number of )(?:input )?tokens (?:allowed|per )",
        r"(?:input|prompt) (?:tokens?|token count) .{0,40}(?:exceeds?|exceeded|cannot exceed)",
        r"input tokens exceed",
        r"input token count is .{0,40}only supports|input token count is .{0,40}supports up to",
        r"prompt exceeds max length",
        r"exceeded model token limit",
        r"range of input length",
        r"too many (?:input )?tokens(?!.{0,40}please wait)",
        r"`?inputs`? (?:tokens \+ `?max_new_tokens|must have less than)",
        r"current length is \d+ while limit is",
        r"reduce the length of",
        r"string too long.{0,60}maximum length \d{6,}",
    ),
    _row(
        "content_policy",
        r"content (?:management |usage )?polic(?:y|ies)",
        r"content (?:filter|moderation)",
        r"content exists risk|considered high risk",
        r"usage (?:polic(?:y|ies)|guidelines)",
        r"safety (?:system|filter|check)",
        r"inappropriate content|sensitive content",
        r"(?:input|prompt|request|content|output) (?:was|is|has been) (?:flagged|blocked)",
    ),
    _row(
        "not_found",
        r"model identifier is invalid",
        r"not a valid model",
        r"model not (?:exist|found)",
        r"(?:no such|unknown|unsupported) model\b|invalid model(?: name| id)?:",
    ),
    _row("rate_limit", r"exceeds? the service quota"),
)
#: A provider that is busy says so under many statuses.
_BUSY = re.compile(
    r"overloaded|at capacity|over capacity|capacity exceeded|(?:not|n't) (?:yet )?ready (?:for inference|to serve)",
    re.IGNORECASE,
)
_MAY_BE_BUSY: frozenset[FailureKind] = frozenset({"rate_limit", "server", "bad_request"})


def kind_of(status: int, words: Iterable[str], message: str) -> FailureKind:
    """The kind of an error; `status` 0: it has none."""
    plain = [_plain(word) for word in words]
    for word in plain:
        if (kind := _SETTLES.get(word)) is not None:
            return kind
    if status < 500:
        for pattern, kind in _SENTENCES:
            if pattern.search(message):
                return kind
    kind = _hinted(status, plain)
    return "overloaded" if kind in _MAY_BE_BUSY and _BUSY.search(message) else kind


def _hinted(status: int, words: list[str]) -> FailureKind:
    for word in words:
        kind = _WITH_STATUS.get((word, status)) or _HINTS.get(word)
        if kind is not None:
            return kind
    if status:
        return kind_of_status(status)
    return "server" if _BLAMES.isdisjoint(words) else "bad_request"


def _plain(word: str) -> str:
    # AWS writes its types with a namespace: "com.amazonaws.bedrock#ThrottlingException".
    return word.rsplit("#", 1)[-1].lower().replace("-", "_").replace(" ", "_")
