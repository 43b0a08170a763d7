"""The providers, as rows: where they are, how they are asked, what they charge."""
