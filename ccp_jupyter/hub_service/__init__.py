"""The JupyterHub service: API, controller, scheduler, engines, store, vault."""
