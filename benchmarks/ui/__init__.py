"""The views of JupyterLab with few and with many things in them: ``python -m benchmarks.ui``."""
