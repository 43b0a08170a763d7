"""What kind of failure a provider's error is: bodies in the providers' own shapes, and the class that routes weigh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.dialects.error import failure_of, read_error

RECORDINGS = Path(__file__).parents[3] / "shared/recordings"


def openai(message: str, code: str | None = None, type: str = "invalid_request_error", **more: Any) -> Any:
    return {"error": {"message": message, "type": type, "param": None, "code": code, **more}}


def anthropic(type: str, message: str, **more: Any) -> Any:
    return {"type": "error", "error": {"type": type, "message": message, **more}, "request_id": "req_011"}


def google(code: int, status: str, message: str, *details: Any) -> Any:
    return {"error": {"code": code, "message": message, "status": status, **({"details": details} if details else {})}}


def info(reason: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def quota(*ids: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": each} for each in ids]}


def retry(delay: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


QUOTA = "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
GOOGLES = QUOTA + "head to: https://ai.google.dev/gemini-api/docs/rate-limits."

#: kind → (what it is, status, body). Status 0: it came in a stream.
BODIES: dict[str, list[tuple[str, int, Any]]] = {
    "billing": [
        ("openai quota", 429, openai(QUOTA + "read the docs: https://platform.openai.com/docs/guides/error-codes.", "insufficient_quota", "insufficient_quota")),
        ("openai project cap", 429, openai("Your project has reached its enforced limit.", "project_spend_limit_exceeded", "invalid_request_error")),
        ("openai organization cap", 429, openai("The organization has reached its enforced limit.", "organization_spend_limit_exceeded")),
        ("openai tier", 429, openai("The organization has reached its assigned limit.", "organization_usage_limit_exceeded", "rate_limit_error")),
        ("openai credits", 429, openai("No API credits remain.", "credit_balance_exhausted", "rate_limit_error")),
        ("openai hard limit", 400, openai("Billing hard limit has been reached", "billing_hard_limit_reached")),
        ("openai inactive", 429, openai("Your account is not active, please check your billing details on our website.", "billing_not_active", "billing_not_active")),
        ("openai in a stream", 0, openai(QUOTA, "insufficient_quota", "insufficient_quota")),
        ("anthropic tier's cap", 429, anthropic("rate_limit_error", "This request would exceed your account's limit.", details={"error_code": "enforced_spend_limit_reached"})),
        ("anthropic contract", 429, anthropic("rate_limit_error", "Limit reached.", details={"error_code": "contract_spend_limit_reached"})),
        ("anthropic cap, by its sentence", 429, anthropic("rate_limit_error", "This request would exceed your account's monthly spend limit. Please try again later.", details=None)),
        ("anthropic own limit", 400, anthropic("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-09-01 at 00:00 UTC.")),
        ("anthropic workspace limit", 400, anthropic("invalid_request_error", "You have reached your specified workspace API usage limits. You will regain access on 2026-09-01 at 00:00 UTC.")),
        ("anthropic credit", 400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.")),
        ("anthropic billing", 402, anthropic("billing_error", "There is an issue with your billing or payment information.")),
        ("deepseek", 402, openai("Insufficient Balance", "invalid_request_error", "unknown_error")),
        ("openrouter", 402, {"error": {"message": "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 1200.", "code": 402}}),
        ("openrouter key", 403, {"error": {"message": "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys", "code": 403}}),
        ("gemini prepaid", 429, google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.")),
        ("gemini cap", 429, google(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap.")),
        ("vertex", 403, google(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", info("BILLING_DISABLED"))),
        ("xai", 429, {"code": "Some resource has been exhausted", "error": "Your team 0000 has either used all available credits or reached its monthly spending limit."}),
        ("xai new", 403, {"code": "The caller does not have permission to execute the specified operation", "error": "Your newly created team doesn't have any credits yet."}),
        ("perplexity", 401, openai(QUOTA, None, "insufficient_quota")),
        ("moonshot", 429, openai("Your account is suspended, please check your plan and billing details", None, "exceeded_current_quota_error")),
        ("zhipu", 429, {"error": {"code": "1113", "message": "Insufficient balance or no resource package. Please recharge."}}),
        ("dashscope", 400, {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing.", "request_id": "r"}),
        ("together", 402, openai("Credit limit exceeded, please navigate to billing.", None, "credit_limit")),
        ("fireworks", 412, {"error": {"object": "error", "type": "error", "message": "Account a is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."}}),
        ("any 402", 402, {"detail": "Payment Required"}),
    ],
    "rate_limit": [
        ("openai", 429, openai("Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.", "rate_limit_exceeded", "tokens")),
        ("openai too fast", 429, openai("You are sending requests too quickly.", "slow_down", "invalid_request_error")),
        ("anthropic", 429, anthropic("rate_limit_error", "This request would exceed your organization's rate limit of 400,000 input tokens per minute (org: o, model: m). For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or try again later.", details=None)),
        ("anthropic ramp", 429, anthropic("rate_limit_error", "Your usage grows too fast.", details={"error_code": "ramp_limit_exceeded"})),
        ("anthropic in a stream", 0, anthropic("rate_limit_error", "Rate limited")),
        ("gemini minute", 429, google(429, "RESOURCE_EXHAUSTED", GOOGLES + "\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 15\nPlease retry in 34.07s.", quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retry("34s"))),
        ("gemini tokens", 429, google(429, "RESOURCE_EXHAUSTED", GOOGLES + "\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 250000")),
        ("gemini day", 429, google(429, "RESOURCE_EXHAUSTED", GOOGLES, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))),
        ("gemini behind openrouter", 429, {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": json.dumps(google(429, "RESOURCE_EXHAUSTED", GOOGLES)), "provider_name": "Google AI Studio"}}}),
        ("vertex", 429, [google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.")]),
        ("bedrock", 429, {"message": "Too many requests, please wait before trying again."}),
        ("bedrock tokens", 429, {"message": "Too many tokens, please wait before trying again."}),
        ("bedrock day", 429, {"message": "Too many tokens per day, please wait before trying again."}),
        ("bedrock quota", 400, {"message": "Your request exceeds the service quota for your account."}),
        ("bedrock in a stream", 0, {"__type": "throttlingException", "message": "Too many tokens, please wait before trying again."}),
        ("azure", 429, {"error": {"code": "429", "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current AIServices S0 pricing tier. Please retry after 26 seconds."}}),
        ("azure reached", 429, {"error": {"code": "RateLimitReached", "message": "Rate limit is exceeded. Try again in 2 seconds."}}),
        ("groq", 429, openai("Rate limit reached for model `llama` in organization `o` on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 2.5s.", "rate_limit_exceeded", "requests")),
        ("mistral", 429, {"message": "Requests rate limit exceeded"}),
        ("cohere", 429, {"message": "You are using a Trial key, which is limited to 40 API calls / minute."}),
    ],
    "overloaded": [
        ("anthropic", 529, anthropic("overloaded_error", "Overloaded")),
        ("anthropic in a stream", 0, anthropic("overloaded_error", "Overloaded", details=None)),
        ("openai", 503, openai("Our servers are currently overloaded. Please try again later.", "server_is_overloaded", "server_error")),
        ("openai in a stream", 0, {"error": {"code": "server_is_overloaded", "message": "Our servers are currently overloaded. Please try again later."}}),
        ("openai slow down", 503, openai("The service is under load.", "slow_down", "server_error")),
        ("openai slow down in a stream", 0, openai("The service is under load.", "slow_down")),
        ("openai model", 429, openai("That model is currently overloaded with other requests. You can retry your request.", None, "server_error")),
        ("openai 400", 400, openai("Our servers are currently overloaded. Please try again later.", None)),
        ("openai capacity", 500, openai("Selected model is at capacity. Please try a different model.", None, "server_error")),
        ("gemini", 503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")),
        ("vertex stream", 503, [google(503, "UNAVAILABLE", "The service is currently unavailable.")]),
        ("bedrock", 503, {"message": "Bedrock is unable to process your request."}),
        ("bedrock not ready", 429, {"message": "Model is not ready for inference. Please wait and try your request again."}),
        ("bedrock not ready, named", 429, {"__type": "ModelNotReadyException", "message": "m"}),
        ("mistral", 429, {"object": "error", "message": "Service tier capacity exceeded for this model.", "type": "service_tier_capacity_exceeded", "param": None, "code": "3505"}),
        ("groq flex", 498, openai("Flex tier capacity exceeded.", "capacity_exceeded", "internal_server_error")),
        ("moonshot", 429, openai("The engine is currently busy.", None, "engine_overloaded_error")),
        ("zhipu", 429, {"error": {"code": "1305", "message": "The service may be temporarily overloaded, please try again later"}}),
    ],
    "context_window": [
        ("openai", 400, openai("This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.", "context_length_exceeded", param="messages")),
        ("openai configured", 400, openai("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", None)),
        ("openai responses", 0, {"error": {"code": "context_length_exceeded", "message": "Your input exceeds the context window of this model. Please adjust your input and try again."}}),
        ("openai long text", 400, openai("Invalid 'input[0].content': string too long. Expected a string with maximum length 10485760, but got a string with length 11000000 instead.", "string_above_max_length")),
        ("openai embeddings", 400, openai("Requested 400000 tokens, max 300000 tokens per request", "max_tokens_per_request")),
        ("openai per minute", 429, openai("Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.", "rate_limit_exceeded", "tokens")),
        ("anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum")),
        ("anthropic with output", 400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again")),
        ("anthropic long", 429, anthropic("rate_limit_error", "Extra usage is required for long context requests.")),
        ("gemini", 400, google(400, "INVALID_ARGUMENT", "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).")),
        ("vertex", 400, google(400, "INVALID_ARGUMENT", "Unable to submit request because the input token count is 2000000 but model only supports up to 1048576.")),
        ("bedrock", 400, {"message": "Input is too long for requested model."}),
        ("bedrock titan", 400, {"message": "Too many input tokens. Max input tokens: 8192, request input token count: 9000 "}),
        ("bedrock nova", 400, {"message": "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again."}),
        ("mistral", 400, {"object": "error", "message": "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_error", "code": "3051"}),
        ("cohere", 400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292. Try using a shorter prompt."}),
        ("groq", 400, openai("Please reduce the length of the messages or completion.", "context_length_exceeded")),
        ("groq per minute", 413, openai("Request too large for model `llama` in organization `o` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.", "rate_limit_exceeded", "tokens")),
        ("cerebras", 400, openai("Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192", None)),
        ("vllm", 400, {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", "type": "BadRequestError", "param": None, "code": 400}),
        ("vllm prompt", 400, openai("The decoder prompt (length 7000) is longer than the maximum model length of 4096.", None, "BadRequestError")),
        ("sglang", 400, {"object": "error", "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens).", "type": "BadRequestError", "code": 400}),
        ("tgi", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "error_type": "validation"}),
        ("llama.cpp", 400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error"}}),
        ("lm studio", 400, {"error": "The number of tokens to keep from the initial prompt is greater than the context length."}),
        ("ollama", 400, {"error": "prompt too long; exceeded max context length by 12 tokens"}),
        ("ollama embeddings", 400, {"error": "the input length exceeds the context length"}),
        ("deepseek", 400, openai("This model's maximum context length is 65536 tokens. However, you requested 70000 tokens.", "invalid_request_error")),
        ("xai", 400, {"code": "Client specified an invalid argument", "error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}),
        ("openrouter", 400, {"error": {"message": "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens.", "code": 400}}),
        ("fireworks", 400, openai("The prompt is too long: 140000, model maximum context length: 131071", None)),
        ("moonshot", 400, openai("Invalid request: Your request exceeded model token limit: 8192", None)),
        ("dashscope", 400, {"code": "InvalidParameter", "message": "Range of input length should be [1, 129024]"}),
        ("minimax", 400, openai("invalid params, context window exceeds limit", None)),
        ("zhipu", 400, {"error": {"code": "1261", "message": "Prompt exceeds max length"}}),
        ("github", 400, openai("prompt token count of 70000 exceeds the limit of 64000", "model_max_prompt_tokens_exceeded")),
        ("voyage", 400, {"detail": "Request to model 'voyage-3' failed. The max allowed tokens per submitted batch is 120000. Your batch has 130000 tokens after truncation."}),
    ],
    "content_policy": [
        ("openai image", 400, openai("Your request was rejected as a result of our safety system.", "content_policy_violation")),
        ("openai gpt-image", 400, openai("Your request was rejected by the safety system.", "moderation_blocked", "image_generation_user_error")),
        ("openai reasoning", 400, openai("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt")),
        ("azure", 400, {"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "type": None, "param": "prompt", "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"violence": {"filtered": True, "severity": "high"}}}}}),
        ("azure, inside", 400, {"error": {"message": "No.", "code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
        ("anthropic", 400, anthropic("invalid_request_error", "Output blocked by content filtering policy")),
        ("xai", 403, {"code": "permission-denied", "error": "Content violates usage guidelines. Team: t, API key ID: k, Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO"}),
        ("openrouter", 403, {"error": {"code": 403, "message": "openai/gpt-4o requires moderation on OpenAI. Your input was flagged for \"sexual/minors\". No credits were charged.", "metadata": {"reasons": ["sexual/minors"], "flagged_input": "…"}}}),
        ("deepseek", 400, openai("Content Exists Risk", "invalid_request_error")),
        ("moonshot", 400, openai("The request was rejected because it was considered high risk", None, "content_filter")),
        ("dashscope", 400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content.", "request_id": "r"}),
        ("dashscope compatible", 400, openai("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed")),
        ("stability", 403, {"id": "a", "name": "content_moderation", "errors": ["Your request was flagged."]}),
    ],
    "auth": [
        ("openai", 401, openai("Incorrect API key provided: sk-pro***abcd.", "invalid_api_key")),
        ("anthropic", 401, anthropic("authentication_error", "invalid x-api-key")),
        ("anthropic permission", 403, anthropic("permission_error", "Your API key does not have permission to use the specified resource.")),
        ("gemini", 400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info("API_KEY_INVALID"))),
        ("gemini expired", 400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.")),
        ("xai", 400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."}),
        ("bedrock", 403, {"message": "The security token included in the request is invalid."}),
        ("deepseek", 401, openai("Authentication Fails (no such user)", "invalid_request_error", "authentication_error")),
    ],
    "not_found": [
        ("openai", 400, openai("The requested model 'gpt-9' does not exist.", "model_not_found", param="model")),
        ("openai forbidden", 403, openai("Project `p` does not have access to model `gpt-9`", "model_not_found")),
        ("anthropic", 404, anthropic("not_found_error", "model: claude-9")),
        ("gemini", 404, google(404, "NOT_FOUND", "models/g is not found for API version v1beta, or is not supported for generateContent.")),
        ("bedrock", 400, {"message": "The provided model identifier is invalid."}),
        ("azure", 404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
        ("mistral", 400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model", "code": "1500"}),
        ("deepseek", 400, openai("Model Not Exist", "invalid_request_error")),
        ("openrouter", 400, {"error": {"message": "nobody/none is not a valid model ID", "code": 400}}),
        ("openrouter's policies", 404, {"error": {"message": "No endpoints found matching your data policy.", "code": 404}}),
    ],
    "timeout": [
        ("bedrock", 408, {"message": "Model has timed out in processing the request. Try your request again."}),
        ("anthropic", 504, anthropic("timeout_error", "The request timed out.")),
        ("gemini", 504, google(504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.")),
        ("azure", 408, {"error": {"code": "Timeout", "message": "The operation was timeout."}}),
    ],
    "server": [
        ("openai", 500, openai("The server had an error while processing your request.", None, "server_error")),
        ("anthropic", 500, anthropic("api_error", "Internal server error")),
        ("gemini", 500, google(500, "INTERNAL", "An internal error has occurred.")),
        ("gemini gave up", 499, google(499, "CANCELLED", "The operation was cancelled.")),
        ("bedrock model", 424, {"message": "The model failed.", "originalStatusCode": 500, "resourceName": "r"}),
        ("bedrock stream", 0, {"__type": "modelStreamErrorException", "message": "The model failed."}),
        ("in a stream", 0, openai("An error occurred.", None, "server_error")),
        ("about the context", 500, openai("Could not load the context window.", None, "server_error")),
    ],
    "bad_request": [
        ("openai", 400, openai("Invalid 'temperature': decimal below minimum value.", "decimal_below_min_value", param="temperature")),
        ("openai short text", 400, openai("Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.", "string_above_max_length", param="user")),
        ("openai's connector", 424, openai("Error retrieving tool list from MCP server.", "http_error", "external_connector_error")),
        ("anthropic image", 400, anthropic("invalid_request_error", "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes")),
        ("anthropic output", 400, anthropic("invalid_request_error", "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5")),
        ("anthropic bytes", 413, anthropic("request_too_large", "Request exceeds the maximum size")),
        ("bedrock output", 400, {"message": "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096."}),
        ("bedrock shape", 400, {"message": "The model returned the following errors: Malformed input request: extraneous key [x] is not permitted."}),
        ("gemini", 400, google(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"x\".")),
        ("in a stream", 0, openai("No.", None)),
        ("a conflict", 409, openai("Try again.", None)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [(kind, status, body) for kind, rows in BODIES.items() for _, status, body in rows],
    ids=[f"{kind}: {name}" for kind, rows in BODIES.items() for name, _, _ in rows],
)
def test_an_error_is_of_the_kind_that_its_provider_means(kind: str, status: int, body: Any) -> None:
    failure = read_error(status, json.dumps(body).encode()) if status else failure_of(body)
    assert (failure.kind, failure.status) == (kind, status or failure.status)


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [
        (429, openai("Limit 30000. Please try again in 1.898s. Visit us.", "rate_limit_exceeded"), 1.898),
        (429, openai("Limit 3. Please try again in 20ms.", "rate_limit_exceeded"), 0.02),
        (429, openai("on requests per day (RPD): Limit 200. Please try again in 7m12s.", "rate_limit_exceeded"), 432.0),
        (429, openai("Please try again in 1h 2m", "rate_limit_exceeded"), 3720.0),
        (429, {"error": {"code": "429", "message": "Please retry after 26 seconds."}}, 26.0),
        (429, {"error": {"code": "429", "message": "Please retry after 1 second. Please contact us."}}, 1.0),
        (0, openai("Rate limit reached. Please try again in 6s.", "rate_limit_exceeded"), 6.0),
        (429, google(429, "RESOURCE_EXHAUSTED", "Please retry in 34.07s.", retry("34.074824224s")), 34.074824224),
        (429, google(429, "RESOURCE_EXHAUSTED", GOOGLES + " Please retry in 34s.", retry("34s"), quota("RequestsPerDayPerModel")), 3600.0),
        (429, google(429, "RESOURCE_EXHAUSTED", GOOGLES, quota("RequestsPerMinutePerModel")), None),
        (429, {"message": "Too many tokens per day, please wait before trying again."}, 3600.0),
        (429, {"error": {"message": "Rate limit exceeded: free-models-per-day. Add credits to unlock more.", "code": 429}}, 3600.0),
        (429, openai("Rate limit reached. Please try again later.", "rate_limit_exceeded"), None),
        (503, google(503, "UNAVAILABLE", "The model is overloaded.", retry("5s")), 5.0),
        (429, openai("Your quota is used up. Please try again in 20 days.", "insufficient_quota"), None),
        (400, google(400, "INVALID_ARGUMENT", "Bad.", retry("5s"), {"violations": "x"}, {"violations": [5, {"quotaId": 5}]}), None),
    ],
)  # fmt: skip
def test_the_wait_that_an_error_asks_for(status: int, body: Any, seconds: float | None) -> None:
    failure = read_error(status, json.dumps(body).encode()) if status else failure_of(body)
    assert failure.retry_after == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.skipif(not RECORDINGS.exists(), reason="no recordings here")
def test_recorded_errors_blame_the_request_or_its_model() -> None:
    seen = 0
    for path in sorted(RECORDINGS.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            row = json.loads(line)
            if row["status"] >= 400:
                seen += 1
                body = row["response"] if isinstance(row["response"], str) else json.dumps(row["response"])
                failure = read_error(row["status"], body.encode())
                about_the_model = row["status"] == 404 or "model identifier" in body or "model_not_found" in body
                assert failure.kind == ("not_found" if about_the_model else "bad_request"), body
    assert seen
