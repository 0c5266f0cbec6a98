"""What files an Execution has put out, by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, Field, TypeAdapter


class OutputFile(BaseModel):
    """One file in output.zip."""

    path: str
    """As in output.zip."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """All files in output.zip, by path; kept as ``manifest.json`` beside it."""

    files: list[OutputFile]

    @classmethod
    def of(cls, files: Iterable[OutputFile]) -> Manifest:
        """Return the manifest of some files, in any order."""
        return cls(files=sorted(files, key=lambda file: file.path))

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents: the same for the same files, whenever zipped."""
        return hashlib.sha256(_FILES.dump_json(self.files)).hexdigest()


_FILES: Final = TypeAdapter(list[OutputFile])
