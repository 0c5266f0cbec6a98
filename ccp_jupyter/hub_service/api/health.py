"""Health for whoever watches the service, and metrics for Prometheus."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.observing.health import Report

EXPOSITION: Final = "text/plain; version=0.0.4"
"""Prometheus' text format, as `prometheus_client.generate_latest` writes it."""


class HealthHandler(ApiHandler):
    """Whether the service can accept work; open to everybody, and tells nothing private."""

    async def get(self) -> None:
        """Look at every part; or at nothing, when only life is asked for."""
        if self.query["live"] is not None:
            self.reply({"status": "ok", "checks": []})
            return
        report = await self.services.observing.health.report()
        self.reply(health_document(report, full=False), 200 if report.ready else 503)


def health_document(report: Report, *, full: bool) -> dict[str, Any]:
    """Return what was found; with details for administrators."""
    checks: list[dict[str, Any]] = []
    for found in report.findings:
        check = {"name": found.name, "status": found.level, "message": found.message}
        if full and found.detail:
            check["detail"] = found.detail
        checks.append(check)
    return {"status": report.level, "checks": checks}


class MetricsHandler(ApiHandler):
    """Metrics, for administrators and for named networks."""

    async def check(self) -> None:
        """Let in who comes from a named network; everybody else needs a token."""
        if self.request.method != "GET" or not self._from_named_network():
            await super().check()

    def _from_named_network(self) -> bool:
        networks = self.services.options.metrics_networks
        if not networks:
            return False
        try:
            address = ip_address(self.shared.logins.address(self.request))
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in networks)

    async def get(self) -> None:
        """Send them."""
        metrics = await self.services.observing.exposition()
        self.set_header("Content-Type", EXPOSITION + "; charset=utf-8")
        self.finish(metrics)
