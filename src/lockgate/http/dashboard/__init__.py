"""The dashboard, as browsers get it: files that `web/` was built into."""
