"""The dialects of Cohere."""
