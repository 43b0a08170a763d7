"""The OpenAI dialects, a codec a module."""
