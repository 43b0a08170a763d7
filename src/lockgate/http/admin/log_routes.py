"""Rows of what was asked and answered: logs, traces, feedback, analytics, exports."""

from __future__ import annotations

from lockgate.http.admin.route import MANAGERS, MEMBERS, AdminRoute

#: What may be said of a request by whoever may make one.
FEEDBACK = ("logs.write", "completions.write")
_POSTED = 16 * 1024 * 1024


def _log(method: str, path: str, handler: str, *scopes: str, **more: object) -> AdminRoute:
    """A row that reads the log."""
    row = {"roles": MEMBERS, "within": "either", "resource": "log", "action": "read", "reads_log": True, **more}
    return AdminRoute(method, f"/v1/{path}", handler, scopes, **row)  # type: ignore[arg-type]


LOGS: tuple[AdminRoute, ...] = (
    _log("POST", "logs", "logs.create", "logs.write", roles=MANAGERS, action="create", reads_log=False, most=_POSTED),
    _log("GET", "logs", "logs.index", "logs.list", "logs.view", action="list"),
    _log("GET", "logs/tail", "log_tail.watch", "logs.list", "logs.view", action="list", gives="text/event-stream"),
    _log("GET", "logs/{id}", "logs.read", "logs.view"),
    _log("GET", "logs/{id}/conversation", "conversation.read", "logs.view"),
    _log("GET", "traces", "traces.index", "logs.list", "logs.view", resource="trace", action="list"),
    _log("GET", "traces/{trace_id}", "traces.read", "logs.list", "logs.view", resource="trace", deep="trace_id"),
    _log("POST", "feedback", "feedback.create", *FEEDBACK, resource="feedback", action="create", reads_log=False),
    _log("PUT", "feedback/{id}", "feedback.update", *FEEDBACK, resource="feedback", action="update"),
)

#: Graph → what draws it.
_GRAPHS = {
    "requests": "requests",
    "cost": "cost",
    "latency": "latency",
    "tokens": "tokens",
    "users": "users",
    "users/requests": "users_requests",
    "errors": "errors",
    "errors/rate": "errors_rate",
    "errors/stacks": "errors_stacks",
    "errors/status-codes": "errors_status_codes",
    "requests/rescued": "requests_rescued",
    "cache/hit-rate": "cache_hit_rate",
    "cache/latency": "cache_latency",
    "feedbacks": "feedbacks",
    "feedbacks/scores": "feedbacks_scores",
    "feedbacks/weighted": "feedbacks_weighted",
    "feedbacks/ai-models": "feedbacks_models",
}


def _view(path: str, handler: str, **more: object) -> AdminRoute:
    return _log("GET", f"analytics/{path}", f"analytics.{handler}", "analytics.view", resource="analytics", **more)


ANALYTICS: tuple[AdminRoute, ...] = (
    *(_view(f"graphs/{path}", handler) for path, handler in _GRAPHS.items()),
    _view("overview", "overview"),
    _view("summary/cache", "cache_summary"),
    _view("summary/speed", "paces"),
    _view("summary/prompt-cache", "provider_caches"),
    _view("groups/{by}", "grouped", action="list"),
    _view("groups/metadata/{name}", "grouped_by_metadata", action="list"),
)


def _export(method: str, path: str, handler: str, action: str, **more: object) -> AdminRoute:
    where = f"logs/exports{path}"
    return _log(method, where, f"exports.{handler}", "logs.export", resource="export", action=action, roles=MANAGERS, **more)


EXPORTS: tuple[AdminRoute, ...] = (
    _export("POST", "", "create", "create"),
    _export("GET", "", "index", "list"),
    _export("GET", "/{id}", "read", "read"),
    _export("PUT", "/{id}", "update", "update"),
    _export("POST", "/{id}/start", "start", "update"),
    _export("POST", "/{id}/cancel", "cancel", "update"),
    _export("GET", "/{id}/download", "download", "read"),
    _export("GET", "/{id}/content", "content", "read", gives="application/octet-stream"),
    AdminRoute(
        "GET",
        "/v1/logs/exports/files/{token}",
        "exports.follow",
        (),
        frozenset(),
        "organisation",
        "export",
        "read",
        open="the link is signed, says until when it holds, and was made for somebody with the right to export",
        gives="application/octet-stream",
        reads_log=True,
    ),
)
