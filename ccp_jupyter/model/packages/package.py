"""Any body that deploys a Method, by its media type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.method import LARGEST, Method, parse_method
from ccp_jupyter.model.method_import import EXECUTION_UNIT
from ccp_jupyter.model.packages import cwl, ogc_package
from ccp_jupyter.model.packages.findings import WorkflowNotFound
from ccp_jupyter.model.packages.ogc_package import CWL_TYPES
from ccp_jupyter.model.red.reading import read

OGC: Final = "application/ogcapppkg+json"
PACKAGES: Final = (OGC, *CWL_TYPES)
"""Media types of packages."""
_UNIT: Final = f"additionalParameters.{EXECUTION_UNIT}"

__all__ = ["CWL_TYPES", "OGC", "PACKAGES", "WorkflowNotFound", "method_of"]


def method_of(
    media_type: str,
    text: str,
    infrastructure: str,
    method_id: str | None = None,
    workflow: str | None = None,
) -> Method:
    """Return the Method that a package describes.

    Parameters
    ----------
    media_type : str
        One of `PACKAGES`.
    text : str
        The package: JSON, or YAML where it is CWL.
    infrastructure : str
        Where it shall run when the package does not say.
    method_id : str, optional
        What its id shall be; default: as the package says, or else a new one.
    workflow : str, optional
        Which tool of several.

    Raises
    ------
    WorkflowNotFound
        The package has not the tool that was asked for.
    InvalidDocument
        What in it is wrong, or is not supported here: each with member, rule and value.
    """
    if len(text.encode()) > LARGEST:
        raise InvalidDocument([Problem("", f"a package may have at most {LARGEST} bytes")])
    document = read(text).document
    convert = ogc_package.method_document if media_type == OGC else cwl.method_document
    found: dict[str, Any] = convert(document, workflow)
    if method_id is not None:
        found["id"] = method_id
    links = found.get("links")
    links = list(links) if isinstance(links, list) else []
    if not any(isinstance(each, dict) and each.get("rel") == "compatibleWith" for each in links):
        links.append({"rel": "compatibleWith", "href": f"infrastructures/{infrastructure}"})
    try:
        return parse_method({**found, "links": links})
    except InvalidDocument as error:
        raise InvalidDocument(_in_package(each, media_type) for each in error.problems) from error


def _in_package(problem: Problem, media_type: str) -> Problem:
    """Return a broken rule of the Method with the place of its cause in the package."""
    member = problem.member
    if member.startswith(_UNIT):
        place = "executionUnit" if media_type == OGC else "ResourceRequirement"
        member = place + member.removeprefix(_UNIT)
    elif media_type == OGC:
        member = f"processDescription.{member}"
    return replace(problem, member=member)
