"""Use cases without HTTP: configuration, keys, and the compiled world."""
