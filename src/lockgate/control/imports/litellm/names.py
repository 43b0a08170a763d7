"""LiteLLM's providers by its names for them, and what they are here.

Source: https://docs.litellm.ai/docs/providers and the environment variables that its code asks for.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.providers.table import TABLE

#: How an account is said: by a key and an address, or as one of the clouds has it.
Account = Literal["key", "azure", "foundry", "aws", "google", "cloudflare", "snowflake", "oracle"]


class Name(msgspec.Struct, frozen=True):
    """One of LiteLLM's names.

    slug       the row of our table
    key        the environment variable that LiteLLM takes the key from when the configuration has none
    base_url   where it is, for one without a row of its own that speaks OpenAI's API (slug "openai")
    below      what LiteLLM appends to an `api_base` before the path that our row knows
    routes     words before the model that choose an API within LiteLLM and are no part of the model's name
    """

    slug: str
    key: str = ""
    account: Account = "key"
    base_url: str = ""
    below: str = ""
    routes: tuple[str, ...] = ()


_BEDROCK = (
    *(
        "converse",
        "converse_like",
        "invoke",
        "async_invoke",
        "nova",
        "openai",
        "llama",
        "deepseek_r1",
        "qwen2",
        "qwen3",
        "moonshot",
    ),
)
_AZURE = ("responses", "o_series", "gpt5_series")


def _at(base_url: str, key: str) -> Name:
    """A provider that has no row: OpenAI's API, somewhere else."""
    return Name("openai", key, base_url=base_url)


NAMES: dict[str, Name] = {
    "openai": Name("openai", "OPENAI_API_KEY", routes=("responses", "chat_completions")),
    "custom_openai": Name("openai", "OPENAI_API_KEY"),
    "openai_like": Name("openai", "OPENAI_LIKE_API_KEY"),
    "aiohttp_openai": Name("openai", "OPENAI_API_KEY"),
    "text-completion-openai": Name("openai", "OPENAI_API_KEY"),
    "azure": Name("azure-openai", "AZURE_API_KEY", "azure", routes=_AZURE),
    "azure_text": Name("azure-openai", "AZURE_API_KEY", "azure"),
    "azure_ai": Name("azure-ai", "AZURE_AI_API_KEY", "foundry"),
    "anthropic": Name("anthropic", "ANTHROPIC_API_KEY", below="/v1"),
    "anthropic_text": Name("anthropic", "ANTHROPIC_API_KEY", below="/v1"),
    "bedrock": Name("bedrock", "", "aws", routes=_BEDROCK),
    "bedrock_converse": Name("bedrock", "", "aws"),
    "bedrock_mantle": Name("bedrock-mantle", "", "aws"),
    "sagemaker": Name("sagemaker", "", "aws"),
    "sagemaker_chat": Name("sagemaker", "", "aws"),
    "sagemaker_nova": Name("sagemaker", "", "aws"),
    "vertex_ai": Name("vertex-ai", "", "google"),
    "vertex_ai_beta": Name("vertex-ai", "", "google"),
    "gemini": Name("google", "GEMINI_API_KEY"),
    "palm": Name("palm", "PALM_API_KEY"),
    "cohere": Name("cohere", "COHERE_API_KEY"),
    "cohere_chat": Name("cohere", "COHERE_API_KEY"),
    "mistral": Name("mistral-ai", "MISTRAL_API_KEY"),
    "codestral": Name("mistral-ai", "CODESTRAL_API_KEY", base_url="https://codestral.mistral.ai/v1"),
    "text-completion-codestral": Name("mistral-ai", "CODESTRAL_API_KEY", base_url="https://codestral.mistral.ai/v1"),
    "groq": Name("groq", "GROQ_API_KEY"),
    "xai": Name("x-ai", "XAI_API_KEY", routes=("responses",)),
    "zai": Name("z-ai", "ZAI_API_KEY"),
    "bigmodel": Name("zhipu", "BIGMODEL_API_KEY"),
    "deepseek": Name("deepseek", "DEEPSEEK_API_KEY"),
    "perplexity": Name("perplexity-ai", "PERPLEXITYAI_API_KEY"),
    "together_ai": Name("together-ai", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Name("fireworks-ai", "FIREWORKS_AI_API_KEY"),
    "openrouter": Name("openrouter", "OPENROUTER_API_KEY"),
    "replicate": Name("replicate", "REPLICATE_API_KEY"),
    "huggingface": Name("huggingface", "HUGGINGFACE_API_KEY"),
    "ai21": Name("ai21", "AI21_API_KEY"),
    "ai21_chat": Name("ai21", "AI21_API_KEY"),
    "baseten": Name("baseten", "BASETEN_API_KEY"),
    "deepinfra": Name("deepinfra", "DEEPINFRA_API_KEY"),
    "cerebras": Name("cerebras", "CEREBRAS_API_KEY"),
    "nvidia_nim": Name("nvidia", "NVIDIA_NIM_API_KEY"),
    "sambanova": Name("sambanova", "SAMBANOVA_API_KEY"),
    "voyage": Name("voyage", "VOYAGE_API_KEY"),
    "jina_ai": Name("jina", "JINA_AI_API_KEY"),
    "cloudflare": Name("workers-ai", "CLOUDFLARE_API_KEY", "cloudflare"),
    "snowflake": Name("cortex", "SNOWFLAKE_JWT", "snowflake"),
    "oci": Name("oracle", "OCI_GENAI_API_KEY", "oracle"),
    "databricks": Name("databricks", "DATABRICKS_API_KEY"),
    "xinference": Name("xinference"),
    "ollama": Name("ollama"),
    "ollama_chat": Name("ollama"),
    "hosted_vllm": Name("vllm"),
    "vllm": Name("vllm"),
    "lm_studio": Name("lmstudio"),
    "llamafile": Name("llama-cpp"),
    "docker_model_runner": Name("docker-model-runner"),
    "triton": Name("triton"),
    "litellm_proxy": Name("litellm"),
    "friendliai": Name("friendli", "FRIENDLI_TOKEN"),
    "featherless_ai": Name("featherless-ai", "FEATHERLESS_AI_API_KEY"),
    "predibase": Name("predibase", "PREDIBASE_API_KEY"),
    "github": Name("github", "GITHUB_API_KEY"),
    "nebius": Name("nebius", "NEBIUS_API_KEY"),
    "novita": Name("novita-ai", "NOVITA_API_KEY"),
    "deepgram": Name("deepgram", "DEEPGRAM_API_KEY"),
    "elevenlabs": Name("elevenlabs", "ELEVENLABS_API_KEY"),
    "assemblyai": Name("assemblyai", "ASSEMBLYAI_API_KEY"),
    "gradient_ai": Name("digitalocean", "GRADIENT_AI_API_KEY"),
    "meta": Name("meta", "META_API_KEY"),
    "nscale": Name("nscale", "NSCALE_API_KEY"),
    "helicone": Name("helicone", "HELICONE_API_KEY"),
    "hyperbolic": Name("hyperbolic", "HYPERBOLIC_API_KEY"),
    "recraft": Name("recraft-ai", "RECRAFT_API_KEY"),
    "fal_ai": Name("fal-ai", "FAL_AI_API_KEY"),
    "stability": Name("stability-ai", "STABILITY_API_KEY"),
    "black_forest_labs": Name("black-forest-labs", "BFL_API_KEY"),
    "heroku": Name("heroku", "HEROKU_API_KEY"),
    "aiml": Name("aimlapi", "AIML_API_KEY"),
    "cometapi": Name("cometapi", "COMETAPI_KEY"),
    "vercel_ai_gateway": Name("vercel", "VERCEL_AI_GATEWAY_API_KEY"),
    "wandb": Name("wandb", "WANDB_API_KEY"),
    "ovhcloud": Name("ovhcloud", "OVHCLOUD_API_KEY"),
    "scaleway": Name("scaleway", "SCW_SECRET_KEY"),
    "minimax": Name("minimax", "MINIMAX_API_KEY"),
    "synthetic": Name("synthetic", "SYNTHETIC_API_KEY"),
    "nano-gpt": Name("nano-gpt", "NANOGPT_API_KEY"),
    "poe": Name("poe", "POE_API_KEY"),
    "chutes": Name("chutes", "CHUTES_API_KEY"),
    "parasail": Name("parasail", "PARASAIL_API_KEY"),
    "xiaomi_mimo": Name("xiaomi", "XIAOMI_MIMO_API_KEY"),
    "veniceai": Name("venice", "VENICE_AI_API_KEY"),
    "cortecs": Name("cortecs", "CORTECS_API_KEY"),
    "crusoe": Name("crusoe", "CRUSOE_API_KEY"),
    "gmi": Name("gmi", "GMI_API_KEY"),
    "sarvam": Name("sarvam", "SARVAM_API_KEY"),
    "reka": Name("reka-ai", "REKA_API_KEY"),
    "bytez": Name("bytez", "BYTEZ_API_KEY"),
    "milvus": Name("milvus", "MILVUS_API_KEY"),
    "volcengine": Name("volcengine", "VOLCENGINE_API_KEY"),
    "dashscope": Name("dashscope", "DASHSCOPE_API_KEY"),
    "modelscope": Name("modelscope", "MODELSCOPE_API_KEY"),
    "moonshot": Name("moonshot", "MOONSHOT_API_KEY"),
    "lambda_ai": Name("lambda", "LAMBDA_API_KEY"),
    "inception": Name("inception", "INCEPTION_API_KEY"),
    "text-completion-inception": Name("inception", "INCEPTION_API_KEY"),
    "anyscale": Name("anyscale", "ANYSCALE_API_KEY"),
    "nomic": Name("nomic", "NOMIC_API_KEY"),
    # OpenAI's API at an address of their own.
    "v0": _at("https://api.v0.dev/v1", "V0_API_KEY"),
    "morph": _at("https://api.morphllm.com/v1", "MORPH_API_KEY"),
    "galadriel": _at("https://api.galadriel.com/v1", "GALADRIEL_API_KEY"),
    "meta_llama": _at("https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    "compactifai": _at("https://api.compactif.ai/v1", "COMPACTIFAI_API_KEY"),
    "publicai": _at("https://api.publicai.co/v1", "PUBLICAI_API_KEY"),
    "apertis": _at("https://api.stima.tech/v1", "STIMA_API_KEY"),
    "abliteration": _at("https://api.abliteration.ai/v1", "ABLITERATION_API_KEY"),
    "llamagate": _at("https://api.llamagate.dev/v1", "LLAMAGATE_API_KEY"),
    "aihubmix": _at("https://aihubmix.com/v1", "AIHUBMIX_API_KEY"),
    "tensormesh": _at("https://serverless.tensormesh.ai/v1", "TENSORMESH_INFERENCE_API_KEY"),
    "libertai": _at("https://api.libertai.io/v1", "LIBERTAI_API_KEY"),
    "neosantara": _at("https://api.neosantara.xyz/v1", "NEOSANTARA_API_KEY"),
    "edenai": _at("https://api.edenai.run/v3", "EDENAI_API_KEY"),
    "lemonade": _at("http://localhost:8000/api/v1", ""),
}

#: Providers of LiteLLM's that speak an API of their own, for which there is no row: nothing here could ask them.
FOREIGN = frozenset(
    (
        *(
            "watsonx",
            "watsonx_text",
            "nlp_cloud",
            "petals",
            "oobabooga",
            "clarifai",
            "gigachat",
            "aleph_alpha",
            "maritalk",
            "datarobot",
        ),
        *(
            "langgraph",
            "langflow",
            "github_copilot",
            "chatgpt",
            "auto_router",
            "ragflow",
            "sap",
            "a2a",
            "a2a_agent",
            "litellm_agent",
        ),
        *("custom", "runwayml", "topaz", "aws_polly", "aws_textract", "transcribe", "azure_speech", "soniox", "nvidia_riva"),
        *("amazon_nova", "infinity"),
    )
)

#: What a bare model name means to LiteLLM where that is not the provider which owns the name here.
_BARE = {"google": "vertex_ai", "z-ai": "zai"}
_OF_SLUG = {name.slug: litellm for litellm, name in reversed(NAMES.items()) if not name.base_url}


def split(model: str, said: str = "") -> tuple[str, str]:
    """LiteLLM's provider and the model, of "provider/model" or a bare name; `said` is what `custom_llm_provider` says.
    ("", model) when neither tells."""
    prefix, slash, rest = model.partition("/")
    if said:
        return said, rest if slash and prefix == said else model
    if slash and (prefix in NAMES or prefix in FOREIGN):
        return prefix, rest
    owners = [slug for slug, row in TABLE.items() if row.owns(model) and slug in _OF_SLUG]
    if owners:
        slug = next((slug for slug in owners if slug in _BARE), owners[0])
        return _BARE.get(slug) or _OF_SLUG[slug], model
    return (prefix, rest) if slash else ("", model)
