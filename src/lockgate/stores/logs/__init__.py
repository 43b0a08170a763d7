"""The request log: where records live, and what is asked of it."""
