"""RED documents: reading, checking, conversion to version 9, preparation for the service."""

from ccp_jupyter.model.red.checking import check
from ccp_jupyter.model.red.command_line import argv
from ccp_jupyter.model.red.contents import Variable, substituted, variables
from ccp_jupyter.model.red.conversion import Converted, convert
from ccp_jupyter.model.red.job import job
from ccp_jupyter.model.red.preparation import Prepared, prepare
from ccp_jupyter.model.red.protected import normalised, protected_texts
from ccp_jupyter.model.red.reading import Source, read
from ccp_jupyter.model.red.schema import container_schemas, schema

__all__ = [
    "Converted",
    "Prepared",
    "Source",
    "Variable",
    "argv",
    "check",
    "container_schemas",
    "convert",
    "job",
    "normalised",
    "prepare",
    "protected_texts",
    "read",
    "schema",
    "substituted",
    "variables",
]
