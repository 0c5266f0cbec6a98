"""Numbers that govern the controller; the application's options set them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are seconds."""

    attempts: int = 3
    """Attempts of one Task, when the platform fails."""
    retry_delay: float = 1.0
    """Before the second Attempt; doubled before each further one."""
    ping_interval: float = 4.0
    """Between two signs of life asked of a Node."""
    lost_after: float = 14.0
    """Without contact for so long, a Node's Tasks go elsewhere, if there is another Node."""
    reconnect_delay: float = 5.0
    """Longest wait between two tries to reach a Node again."""
    fetch_patience: float = 3600.0
    """How long outputs wait in their container when the service's disk is full."""
    stop_grace: float = 2.0
    """Between SIGTERM and SIGKILL when the time of a script is over."""
    keep_for: float = 0.0
    """Age at which finished Executions are removed; 0 keeps them."""
