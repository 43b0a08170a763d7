"""People of the dashboard's tests: an owner, a member who may look on in a workspace, and one without a place."""

PASSWORD = "correct horse battery staple"
OWNER, VIEWER, NOBODY = "ann@example.com", "vic@example.com", "noa@example.com"
