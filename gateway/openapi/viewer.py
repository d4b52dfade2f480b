"""The viewer: Swagger UI's own files, out of the package that ships them, and the page around them.

Nothing is loaded from elsewhere, so the page works where there is no network, and nobody outside learns
who reads it. The package is looked for and never imported: its Python is for another
web framework.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

PACKAGE: Final = "flask-swagger-ui"
START_NAME: Final = "start.js"
_MEDIA_TYPES: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}
# Those that the page loads.
FILE_NAMES: Final = (*_MEDIA_TYPES, START_NAME)

PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Haversack API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>The description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<div id="viewer"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

# Else the viewer would send the document's address to a service on the network, or take another document's
# from the address of the page.
START: Final = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  queryConfigEnabled: false,
  validatorUrl: null,
});
"""


def find_viewer_files() -> dict[str, tuple[Path, str]]:
    """Where each file is, and its media type, by the name it is served under; empty without the package."""
    try:
        shipped = distribution(PACKAGE).files or ()
    except PackageNotFoundError:
        return {}
    found = {
        file.name: (Path(str(file.locate())), _MEDIA_TYPES[file.name])
        for file in shipped
        if file.name in _MEDIA_TYPES
    }
    return found if len(found) == len(_MEDIA_TYPES) else {}
