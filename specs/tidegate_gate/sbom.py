"""The bill of materials of a vendored copy: one component of CycloneDX 1.6, with the hash of every file.

It has neither a time nor a serial number, so that the same copy always gives the same bytes. PEP 770 has a wheel carry such files
in its `.dist-info/sboms/`.
"""

import json
from typing import Any, Final

from .manifest import DISTRIBUTION, Manifest

LICENCE: Final = "MIT"


def as_cyclonedx(manifest: Manifest) -> str:
    """Write the bill of materials of the copy that a manifest is of."""
    purl = f"pkg:pypi/{DISTRIBUTION}@{manifest.version}"
    files: list[dict[str, Any]] = [
        {"type": "file", "name": file, "hashes": [{"alg": "SHA-256", "content": hash_}]} for file, hash_ in manifest.files.items()
    ]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": DISTRIBUTION,
        "version": manifest.version,
        "licenses": [{"license": {"id": LICENCE}}],
        "purl": purl,
        "components": files,
    }
    told: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [component],
    }
    return json.dumps(told, indent=2) + "\n"
