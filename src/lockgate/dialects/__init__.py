"""Wire languages: pure codecs between bytes and the canonical nouns. No I/O, no clock, no chance."""
