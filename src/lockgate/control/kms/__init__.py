"""Root keys: what stands behind the vault. A new place to keep them is a file here with a `Root` (`port`)."""
