"""Facts in bytes: a record without its bodies, compressed by itself.

Its members' names and usual values stand in a dictionary that the compressor knows beforehand, so that even a small text
shrinks to a quarter. The first byte says which dictionary it was."""

from __future__ import annotations

import msgspec
import zstandard

from lockgate.core.record import Record, pack, unpack
from lockgate.stores.ports import StoreError

#: Never changed once released: what was written with it could not be read. A better one gets the next number.
_WORDS = (
    b'{"target":"config.targets[0]","provider":"","model":"","status":500,"kind":"timeout","message":"","start_us":1,'
    b'"duration_us":,"input":,"output":}],"usage_source":"estimated","cost_note":"unknown price","cache":"semantic hit",'
    b'"saved_nusd":,"error_code":"rate_limited","error":"upstream_error","losses":[],"truncated":true,"source":"posted",'
    b'"parent_span_id":"","span_name":"","path":"/v1/messages","dialect_in":"anthropic.messages","dialect_out":"gemini.generate",'
    b'"path":"/v1/responses","dialect_in":"openai.responses","gear":"translate","operation":"embed","outcome":"failed",'
    b'"status":429,"decisions":[["config","chosen","first"],["config.targets[1]","skipped","left","hedged","matched"]],'
    b'"cache":"hit","provider":"anthropic","model_sent":"claude-","provider":"google","model_sent":"gemini-","downgraded":"",'
    b'"finish":"tool_calls","finish":"length",'
    b'{"id":"019a0000-0000-7000-8000-000000000000","time_us":1790000000000000,"trace_id":"019a","span_id":"",'
    b'"organisation":"","workspace":"","user":"","key_id":"key_","key_name":"","route":"pc-","provider":"openai",'
    b'"provider_kind":"openai","operation":"chat","path":"/v1/chat/completions","dialect_in":"openai.chat",'
    b'"dialect_out":"openai.chat","gear":"relay","model_asked":"gpt-","model_sent":"gpt-","model_served":"gpt-","stream":true,'
    b'"status":200,"outcome":"ok","finish":"stop","target":"config","attempts":[{"target":"config","provider":"openai",'
    b'"model":"gpt-","status":200,"start_us":120,"duration_us":}],"usage":{"input":,"output":,"cached":,"raw":null},'
    b'"usage_source":"provider","cost_nusd":,"price_version":"genai-prices 0.2.","latency_us":,"ttft_us":,"gap_us":,'
    b'"gateway_us":140,"cache":"miss","bytes_in":,"bytes_out":,"metadata":{"_user":""},"revision":""}'
    b'{"prompt_tokens":,"completion_tokens":,"total_tokens":,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
    b'"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0}}'
)
_VERSION = b"\x01"
_dictionary = zstandard.ZstdCompressionDict(_WORDS, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_LEVEL = 3
_dictionary.precompute_compress(level=_LEVEL)  # else every record would pay for it


class Packing:
    """Packs and unpacks facts. Not to be shared by threads."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary, write_checksum=False)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary)

    def packed(self, record: Record) -> bytes:
        """A record without its bodies."""
        return _VERSION + self._compressor.compress(pack(record, bodies=False))

    def record(self, facts: bytes) -> Record:
        """The record that was packed. Raises `StoreError` for what this program cannot read."""
        try:
            if facts[:1] != _VERSION:
                raise StoreError("A record in the log was written by a later version of this program.")
            return unpack(self._decompressor.decompress(facts[1:]))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise StoreError(f"A record in the log cannot be read: {error}.") from None
