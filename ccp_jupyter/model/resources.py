"""What a Task asks for beside memory and processors: GPUs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuWish:
    """One GPU that a Task wants to itself."""

    vram: int = 0
    """Least VRAM, MB; 0 for any."""
    id: str = ""
    """Just the GPU with this id, as the Node's engine knows it; empty for any."""
