"""The views of JupyterLab's panels in notebook cells, steered and read from Python."""

from ccp_jupyter.widgets.execution_form import ExecutionForm
from ccp_jupyter.widgets.executions import ExecutionDisplay, ExecutionMonitor
from ccp_jupyter.widgets.methods import MethodEditor, MethodList

__all__ = ["ExecutionDisplay", "ExecutionForm", "ExecutionMonitor", "MethodEditor", "MethodList"]
