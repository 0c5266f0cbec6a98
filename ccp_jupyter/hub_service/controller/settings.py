"""Numbers that govern the controller; the application's options set them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are seconds."""

    attempts: int = 3
    """Attempts of one Task, when the platform fails."""
    retry_delay: float = 1.0
    """At most so long before the second Attempt; doubled before each further one."""
    longest_retry_delay: float = 60.0
    """Bound of that."""
    ping_interval: float = 4.0
    """Between two signs of life asked of a Node."""
    lost_after: float = 14.0
    """Without contact for so long, a Node's Tasks go elsewhere, if there is another Node."""
    reconnect_delay: float = 5.0
    """Longest wait between two tries to reach a Node again."""
    claim_patience: float = 8.0
    """For how long another service that has a Node is waited for to say that it lives; well above
    `ping_interval`, so that a living one is sure of its Node without asking."""
    probation_after: int = 3
    """Attempts in a row that could not begin on a Node, after which it gets none for a while."""
    probation_delay: float = 10.0
    """How long it gets none; doubled each time that the next one fails too."""
    probation_longest: float = 600.0
    """Bound of that."""
    fetch_patience: float = 3600.0
    """How long outputs wait in their container when the service's disk is full."""
    stop_grace: float = 2.0
    """Between SIGTERM and SIGKILL when the time of a script is over."""
    private_images: Path | None = None
    """File that remembers which images a login was needed for; None: only in memory."""
    reuse: bool = True
    """Whether outputs may be taken over from an equal Execution, where the request wants that."""
    keep_for: float = 0.0
    """Age at which finished Executions are removed; 0 keeps them."""
    callback_timeout: float = 30.0
    """Until the receiver of a callback must have begun to answer."""
    callback_delay: float = 5.0
    """At most so long before a callback is tried for the second time; doubled before each further
    try."""
    longest_callback_delay: float = 3600.0
    """Bound of that."""
    callback_patience: float = 86_400.0
    """How long a callback is tried."""
