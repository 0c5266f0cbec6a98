"""Networks of engines that can be cut and slowed down: a network namespace and a veth pair each."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from tests.stack.bridges import PREFIX, call

_INSIDE = "eth0"
_BURST = "4kb"
_QUEUE = "20s"  # packets wait so long at most in a slow network, then they are lost


@dataclass(frozen=True)
class Namespace:
    """A network namespace whose only way out is a veth pair to a bridge of this machine.

    What listens in it is reached over the bridge and nowhere else, so that cutting the pair cuts
    it off; a unix socket could not be cut.
    """

    name: str
    """Of the namespace, the bridge, and (with ``v`` at the end) of the pair's outer end."""
    address: str
    """Of what runs inside, as the machine reaches it."""

    @property
    def path(self) -> Path:
        """File by which a process enters it."""
        return Path("/run/netns", self.name)

    @classmethod
    def beside(cls, bridge: str, host: str) -> Namespace:
        """Return the one for a bridge, which `add` makes.

        Parameters
        ----------
        bridge : str
            At most 14 characters.
        host : str
            Address of this machine on the bridge.
        """
        return cls(bridge, str(ipaddress.ip_address(host) + 1))

    def add(self, host: str) -> None:
        """Make namespace and pair, plug it into the bridge, and let `host` be its way out.

        Raises
        ------
        RuntimeError
            The system refuses.
        """
        inside = ("ip", "-netns", self.name)
        pair = ("type", "veth", "peer", "name", _INSIDE, "netns", self.name)
        call("ip", "netns", "add", self.name)
        call("ip", "link", "add", self._outside, *pair)
        call("ip", "link", "set", self._outside, "master", self.name, "up")
        call(*inside, "link", "set", "lo", "up")
        call(*inside, "address", "add", f"{self.address}/{PREFIX}", "dev", _INSIDE)
        call(*inside, "link", "set", _INSIDE, "up")
        call(*inside, "route", "add", "default", "via", host)

    def cut(self) -> None:
        """Lose every packet in both directions; connections stay open and hear nothing."""
        call("ip", "link", "set", self._outside, "down")

    def mend(self) -> None:
        """Undo `cut`."""
        call("ip", "link", "set", self._outside, "up")

    def slow_down(self, kilobits: int) -> None:
        """Let so much through in a second in each direction; the rest waits, and so is late.

        Not ``netem``, which small kernels lack.
        """
        shape = ("tbf", "rate", f"{kilobits}kbit", "burst", _BURST, "latency", _QUEUE)
        call("tc", "qdisc", "replace", "dev", self._outside, "root", *shape)
        call("tc", "-netns", self.name, "qdisc", "replace", "dev", _INSIDE, "root", *shape)

    def speed_up(self) -> None:
        """Undo `slow_down`; once for each."""
        call("tc", "qdisc", "delete", "dev", self._outside, "root")
        call("tc", "-netns", self.name, "qdisc", "delete", "dev", _INSIDE, "root")

    def delete(self) -> None:
        """Delete namespace and pair; no error when there are none."""
        if Path("/sys/class/net", self._outside).exists():
            call("ip", "link", "delete", self._outside)
        if self.path.exists():
            call("ip", "netns", "delete", self.name)

    @property
    def _outside(self) -> str:
        return f"{self.name}v"
