"""The documentation page at `/docs`: Swagger UI, which shows the contract and can send requests.

Its files come from the package `flask-swagger-ui`, which repackages each release of Swagger UI within
days; they are read where they lie, and Flask is never imported. A page that names no other host, and
a policy that forbids any, keep it working without internet, and keep a key that is typed into it here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from comfy_assets.specification import Contract

_PACKAGE = "flask_swagger_ui"
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The contract of this server</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="contract"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# The contract names the vendor's service; what is sent from here goes to this server.
_START = """(async () => {
  const contract = await (await fetch("openapi.json")).json();
  contract.servers = [{ url: location.origin, description: "this server" }];
  SwaggerUIBundle({
    spec: contract,
    dom_id: "#contract",
    validatorUrl: null,
    tryItOutEnabled: true,
    docExpansion: "full",
  });
})();
"""


def routes(contract: Contract) -> list[Route]:
    """The page and its files; none where the package that ships them is not installed."""
    files = _files()
    if files is None or any(operation.path.startswith("/docs") for operation in contract.operations):
        return []

    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    async def start(_request: Request) -> Response:
        return Response(_START, headers=_HEADERS, media_type="text/javascript")

    def file(name: str) -> Route:
        async def send(_request: Request) -> Response:
            return FileResponse(files / name, headers=_HEADERS)

        return Route(f"/docs/{name}", send)

    return [
        Route("/docs", page),
        Route("/docs/start.js", start),
        *map(file, ("swagger-ui.css", "swagger-ui-bundle.js")),
    ]


def _files() -> Path | None:
    found = importlib.util.find_spec(_PACKAGE)
    return Path(found.origin).parent / "dist" if found and found.origin else None
