"""Reference deployment: JupyterHub with the `ccp` service.

Start it with ``jupyterhub -f jupyterhub_config.py``. What a site changes stands in environment
variables (docs/deployment.md lists them) or in a configuration file of its own that begins with
``load_subconfig("jupyterhub_config.py")``. Login and spawner are JupyterHub's defaults (accounts
of this machine): most sites set an authenticator and a spawner of their own.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821

here = Path(__file__).resolve().parent
state = Path(os.environ.get("CCP_STATE_DIR", here / "state")).resolve()
state.mkdir(mode=0o700, parents=True, exist_ok=True)

# Where the proxy listens, and the address that users type (different behind another web server).
bind_url = os.environ.get("CCP_BIND_URL", "http://127.0.0.1:8000").rstrip("/")
public_url = os.environ.get("CCP_PUBLIC_URL", bind_url).rstrip("/")
service_bind_url = os.environ.get("CCP_SERVICE_BIND_URL", "http://127.0.0.1:8091")
service_config = Path(os.environ.get("CCP_SERVICE_CONFIG", here / "ccp_service_config.py"))

c.JupyterHub.bind_url = bind_url
c.JupyterHub.db_url = f"sqlite:///{state}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
if proxy := os.environ.get("CCP_PROXY"):  # default: configurable-http-proxy on PATH
    c.ConfigurableHTTPProxy.command = [proxy]

# User servers. Not by PATH, which a service manager may have set to something else.
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
c.Spawner.default_url = "/lab"
# JUPYTERHUB_API_URL is the hub's own API; services are not behind it.
c.Spawner.environment = {"CCP_SERVICE_URL": f"{public_url}/services/ccp/"}

# Who may do what. Each scope brings the one before it. Users get all but administration. Notebook
# code can read its server's token, so that token can do what its owner may, and never administer.
ACCESS = "access:services!service=ccp"
c.JupyterHub.custom_scopes = {
    "custom:ccp:read": {"description": "See Methods, Infrastructures and own Executions"},
    "custom:ccp:submit": {
        "description": "Run Methods, keep own Methods",
        "subscopes": ["custom:ccp:read"],
    },
    "custom:ccp:share": {
        "description": "Publish own Methods, share them in groups",
        "subscopes": ["custom:ccp:submit"],
    },
    "custom:ccp:admin": {
        "description": "See and change everybody's Methods and Executions",
        "subscopes": ["custom:ccp:share"],
    },
}
c.JupyterHub.extra_user_scopes = {ACCESS, "custom:ccp:share"}
c.Spawner.server_token_scopes = [
    ACCESS,
    "custom:ccp:submit",
    "custom:ccp:share",
    "users:activity!user",
    "access:servers!server",
]

# The service, started by the hub. Where it shall outlive the hub, or run in several processes, its
# own token is given here and to them, and the hub starts nothing (docs/deployment.md).
service = {
    "name": "ccp",
    "url": service_bind_url,
    # What a browser's login may do: of this, what its user may.
    "oauth_client_allowed_scopes": ["custom:ccp:admin"],
    "oauth_no_confirm": True,
}
if token := os.environ.get("CCP_SERVICE_TOKEN"):
    service["api_token"] = token
else:
    service["command"] = [
        *(sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(service_config)),
    ]
    service["environment"] = {
        "CCP_STATE_DIR": str(state),
        "CCP_STORE_URL": os.environ.get("CCP_STORE_URL", ""),
    }
c.JupyterHub.services = [service]
c.JupyterHub.load_roles = [
    {
        "name": "ccp-service",
        "description": "What the ccp service asks the hub: names and groups, to share Methods",
        "scopes": ["read:users:name", "read:users:groups", "read:groups"],
        "services": ["ccp"],
    },
    {
        "name": "ccp-admin",
        "description": "Administers the ccp service; give it to users or groups",
        "scopes": [ACCESS, "custom:ccp:admin"],
    },
]
