"""The control store: tenants, keys, accounts, configs, sealed secrets and the audit log, in SQLite or PostgreSQL by URL."""
