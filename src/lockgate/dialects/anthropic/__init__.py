"""The Anthropic dialects, a codec a module."""
