"""Where things are kept: ports and their implementations, chosen by URL."""
