"""The Gemini dialects, a codec a module."""
