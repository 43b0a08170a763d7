"""One request, front to back. `answer.py` is the page to read first."""
