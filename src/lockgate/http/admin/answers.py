"""What leaves the admin API: answers, and errors in the shape of Portkey's control plane.

Its SDK reads `error.message`, its documents show `data`: errors say both, with the code, and the member at fault.
"""

from __future__ import annotations

import logging

from starlette.responses import Response

from lockgate.control.kms.port import VaultError
from lockgate.control.secrets import WeakSecret
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.stores.control.query import Absent, InUse, Stale, Taken
from lockgate.stores.ports import StoreError, TooLong

log = logging.getLogger("lockgate")

#: Nothing of this is shown as a page, framed, guessed at or kept by anybody on the way.
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: Portkey's codes by status; others by their hundred.
_CODES = {401: "AB05", 402: "AB09", 403: "AB03", 404: "AB02", 409: "AB07", 429: "AB06"}

#: What the use cases raise beside `Refusal`.
TROUBLE = (Absent, Stale, Taken, InUse, StoreError, VaultError, WeakSecret, OSError)


def answer(body: object, request_id: str, version: int = 0) -> Response:
    """What was asked for. `version`: of the row that it shows."""
    headers = {**HEADERS, "x-lockgate-request-id": request_id}
    if version:
        headers["etag"] = f'"{version}"'
    return Response(encode(body), 200, headers, "application/json")


def refuse(refusal: Refusal, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """Our own no."""
    status = refusal.status
    error = {"message": refusal.message, "type": "admin_error", "code": refusal.code, "param": refusal.param or None}
    body = {
        "success": False,
        "data": {
            "message": refusal.message,
            "errorCode": _CODES.get(status, "AB04" if status >= 500 else "AB01"),
            "code": refusal.code,
            "param": refusal.param or None,
        },
        "error": error,
    }
    said = {**HEADERS, "x-lockgate-request-id": request_id, **(headers or {})}
    if refusal.retry_after is not None:
        said["retry-after"] = str(max(0, round(refusal.retry_after)))
    return Response(encode(body), status, said, "application/json")


def refusal_of(trouble: Exception, request_id: str) -> Refusal:
    """What the use cases raise, as an answer. What may tell of the machine is logged, and not told."""
    if isinstance(trouble, Absent):
        return Refusal(404, "not_found", str(trouble))
    if isinstance(trouble, Stale):
        return Refusal(409, "changed_meanwhile", str(trouble))
    if isinstance(trouble, Taken):
        return Refusal(409, "taken", str(trouble))
    if isinstance(trouble, InUse):
        return Refusal(409, "in_use", str(trouble))
    if isinstance(trouble, TooLong):
        return Refusal(400, "too_much_to_read", str(trouble))
    log.error("admin request %s: %s", request_id, trouble)
    return Refusal(
        503,
        "store_unavailable",
        f"What is stored cannot be reached now, and nothing was changed. The gateway's log has the reason ({request_id}).",
        retry_after=5.0,
    )
