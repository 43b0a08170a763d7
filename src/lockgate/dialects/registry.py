"""All codecs, by name. A new dialect is a module and a line here."""

from __future__ import annotations

from lockgate.core.query import Embedding, Ranking, Ranks, Vectors
from lockgate.dialects import mistral, reranking
from lockgate.dialects.anthropic import messages
from lockgate.dialects.bedrock import converse, titan
from lockgate.dialects.codec import AnyWholeCodec, Codec, Relay, WholeCodec
from lockgate.dialects.cohere import chat as cohere_chat
from lockgate.dialects.cohere import embeddings as cohere_embeddings
from lockgate.dialects.gemini import embeddings as gemini_embeddings
from lockgate.dialects.gemini import generate, predict
from lockgate.dialects.openai import chat, completions, embeddings, relays, responses

#: Conversations: any of them is translated into any other.
CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        chat.CODEC,
        responses.CODEC,
        messages.CODEC,
        generate.CODEC,
        converse.CODEC,
        cohere_chat.CODEC,
        completions.CODEC,
    )
}

EMBEDDINGS: dict[str, WholeCodec[Embedding, Vectors]] = {
    codec.name: codec
    for codec in (
        embeddings.CODEC,
        gemini_embeddings.CODEC_MANY,
        gemini_embeddings.CODEC_ONE,
        predict.CODEC,
        cohere_embeddings.CODEC,
        titan.CODEC,
    )
}

RERANKS: dict[str, WholeCodec[Ranking, Ranks]] = {codec.name: codec for codec in reranking.CODECS}

#: Operations whose answers come whole: within one of these, any dialect is translated into any other.
WHOLE: tuple[dict[str, AnyWholeCodec], ...] = (EMBEDDINGS, RERANKS)

#: Every dialect, as far as its bytes can pass.
RELAYS: dict[str, Relay] = {
    **CODECS,
    **EMBEDDINGS,
    **RERANKS,
    **{relay.name: relay for relay in (*relays.RELAYS, mistral.OCR)},
}
