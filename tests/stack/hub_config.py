"""The hub of a stack: the reference deployment, made fit for one machine and one evening.

What differs: a fixed password for everybody, servers without accounts of their own, free ports,
prepared users and groups, and (unless the demo wants it managed) a service started by the stack.
"""

import os
import sys
from pathlib import Path

# The hub starts with this repository as its working folder, which is not on sys.path.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.stack.hub import ADMIN, HubSettings, repository
from tests.stack.marks import STACK, TEST_RUN

c = get_config()  # type: ignore[name-defined] # noqa: F821
load_subconfig(str(repository() / "jupyterhub_config.py"))  # type: ignore[name-defined] # noqa: F821

settings = HubSettings.read(Path(os.environ["CCP_STACK_HUB"]))

c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"

c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = settings.password
c.SharedPasswordAuthenticator.admin_password = settings.admin_password
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {ADMIN}
c.JupyterHub.load_groups = {name: {"users": members} for name, members in settings.groups.items()}

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(settings.folder / "homes/{username}")
# The mark by which `down` finds user servers and kernels after a crash (marks.py).
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", STACK, TEST_RUN]
c.Spawner.args = [
    "--LabApp.news_url=None",  # its dialog covers buttons, and it wants the network
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.expose_app_in_browser=True",  # window.jupyterapp, for browser tests
]
if os.getuid() == 0:
    c.Spawner.args.append("--allow-root")

service = c.JupyterHub.services[0]
service["api_token"] = settings.service_token
if not settings.managed:
    del service["command"]

# For the stack itself: makes users and their tokens.
c.JupyterHub.services.append({"name": "stack", "api_token": settings.stack_token})
c.JupyterHub.load_roles = [
    {**role, "users": [ADMIN]} if role["name"] == "ccp-admin" else role
    for role in c.JupyterHub.load_roles
] + [
    {
        "name": "stack",
        "scopes": ["admin:users", "admin:servers", "tokens", "groups"],
        "services": ["stack"],
    }
]
