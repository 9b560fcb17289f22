"""How much a request may send, told before it is read: 413 for more, whatever the sender says about it."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oasis_kernel.service.problems import Problem

#: A JSON body; files go as multipart or through uploads.
JSON_BYTES = 16 * 2**20
#: What multipart adds to the files in it.
FORM_BYTES = 2**20
FILES_OF_A_PORTFOLIO = 5


class BodyLimit:
    """ASGI middleware that refuses bodies beyond the limit for their type."""

    def __init__(self, app: ASGIApp, upload_bytes: int):
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request with a body that ends at the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(headers.get("content-type", ""))
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            refused = Problem(413, _too_large(limit), remedy=_REMEDY).response(scope["path"])
            await refused(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)

    def _limit(self, content_type: str) -> int:
        if content_type.startswith("multipart/"):
            return self._upload_bytes * FILES_OF_A_PORTFOLIO + FORM_BYTES
        if content_type.startswith("application/") and "octet-stream" in content_type:
            return self._upload_bytes
        return JSON_BYTES


_REMEDY = "Send files through /v1/uploads in pieces, or link them from storage"


def _too_large(limit: int) -> str:
    return f"The body must not be larger than {limit:,} bytes"


def _counted(receive: Receive, limit: int) -> Receive:
    """``receive`` that raises once more than ``limit`` bytes have come."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            # FastAPI passes this on from where it reads a body; of any other error it would make a 400.
            raise HTTPException(413, _too_large(limit))
        return message

    return counted
