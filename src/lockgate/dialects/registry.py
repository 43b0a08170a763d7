"""All codecs, by name. A new dialect is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.query import Embedding, Painting, Pictures, Ranking, Ranks, Vectors
from lockgate.dialects import mistral, reranking
from lockgate.dialects.anthropic import messages
from lockgate.dialects.bedrock import canvas, converse, stability, titan
from lockgate.dialects.codec import AnyWholeTarget, Codec, Relay, WholeCodec, WholeTarget
from lockgate.dialects.cohere import chat as cohere_chat
from lockgate.dialects.cohere import embeddings as cohere_embeddings
from lockgate.dialects.gemini import embeddings as gemini_embeddings
from lockgate.dialects.gemini import generate, imagen, predict, ranking
from lockgate.dialects.gemini import images as gemini_images
from lockgate.dialects.openai import chat, completions, embeddings, images, relays, responses

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

RERANKS: dict[str, WholeTarget[Ranking, Ranks]] = {codec.name: codec for codec in (*reranking.CODECS, ranking.CODEC)}

#: What makes pictures, whatever it is given: a text, pictures and a text, or pictures alone.
PAINTERS: tuple[WholeTarget[Painting, Pictures], ...] = (canvas.CODEC, stability.CODEC, imagen.CODEC, gemini_images.CODEC)
IMAGES, EDITS, VARIATIONS = (
    {codec.name: codec for codec in (asked, *PAINTERS)} for asked in (images.CODEC, images.CODEC_EDITS, images.CODEC_VARIATIONS)
)

#: Operations whose answers come whole: within one of these, any dialect that callers speak is translated into any other.
WHOLE: tuple[Mapping[str, AnyWholeTarget], ...] = (EMBEDDINGS, RERANKS, IMAGES, EDITS, VARIATIONS)

#: Every dialect, as far as its bytes can pass.
RELAYS: dict[str, Relay] = {
    **CODECS,
    **{name: codec for family in WHOLE for name, codec in family.items()},
    **{relay.name: relay for relay in (*relays.RELAYS, mistral.OCR)},
}
