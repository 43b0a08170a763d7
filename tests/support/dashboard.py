"""People of the dashboard's tests: an owner, a member who may look on in a workspace, one without a place, and one who manages
a workspace (in a house that is lived in)."""

PASSWORD = "correct horse battery staple"
OWNER, VIEWER, NOBODY = "ann@example.com", "vic@example.com", "noa@example.com"
MANAGER = "mia@example.com"
