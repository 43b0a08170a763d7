"""The ledger: who may spend how much, kept so that no crash, race or pause spends more."""
