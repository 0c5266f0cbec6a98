"""A Node in the words of `base.NodeStatus`."""

from __future__ import annotations

from ccp_jupyter.hub_service.controller.base import NodeStatus
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.scheduler.base import Load


def status_of(agent: NodeAgent, load: Load) -> NodeStatus:
    """Return a Node as it is now, with what is handed out there."""
    room, info = agent.room, agent.info
    return NodeStatus(
        id=agent.id,
        infrastructure_id=agent.infrastructure.id,
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        node=agent.node,
        added=agent.added,
        info=info,
        running=load.tasks,
        slots=agent.slots,
        gpus=agent.node.gpus,
        memory=room.memory(info),
        used_memory=load.memory,
        cpus=(room.cpus(info) or 0) / 1000,
        used_cpus=load.cpus / 1000,
        used_gpus=load.gpus,
        outside=len(room.outside),
        outside_memory=room.outside_memory(info),
        draining=agent.draining,
    )
