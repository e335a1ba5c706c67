"""The reference that everything in this folder is compared with, and where it lies."""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "vector-quantize-pytorch"
MODULE = "vector_quantize_pytorch"
VERSION = "1.31.0"
HERE = Path(__file__).resolve().parent


def source_folder() -> Path:
    """The folder of the reference's sources; ends the program if it is absent or of another version."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(
            f"{MODULE}: expected version {VERSION} to be importable, got none. "
            f"Run `pip install {PACKAGE}=={VERSION}` or set PYTHONPATH to its sources."
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = _version_beside(folder)
    if found != VERSION:
        sys.exit(f"{folder}: expected {PACKAGE} {VERSION}, got {found}")
    return folder


def _version_beside(folder: Path) -> str:
    """The version of a checkout (pyproject.toml beside it) or of an installed distribution."""
    project = folder.parent / "pyproject.toml"
    if project.exists():
        for line in project.read_text().splitlines():
            if line.startswith("version"):
                return line.split("=")[1].strip().strip('"')
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "an unknown version"
