"""Configuration of the `ccp` service in the reference deployment.

One Infrastructure with one Node: the docker engine of this machine. docs/deployment.md shows
further Nodes, mutual TLS, registries and every limit.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821

c.CcpService.data_dir = str(Path(os.environ.get("CCP_STATE_DIR", "state")).resolve() / "ccp")
c.CcpService.infrastructures = [
    {
        "id": "local-docker",
        "name": "Local docker",
        "description": "The docker engine of the machine that the hub runs on",
        "nodes": [{"id": "local", "base_url": "unix:///var/run/docker.sock"}],
        "limits": {"memory": "1GiB", "cpus": 1, "max_time": 3600},
    }
]
