"""The request log in PostgreSQL, for gateways on several machines: `log.PostgresLog`. Needs the extra `lockgate[postgres]`."""
