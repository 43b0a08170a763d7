"""The nouns of the house: plain structs and the rules that belong to them. No I/O, no clock, no provider's name."""
