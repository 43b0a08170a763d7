"""The request log in ClickHouse, over its HTTP interface."""
