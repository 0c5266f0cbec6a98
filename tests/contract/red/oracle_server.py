"""Answers questions about RED documents with the original's own code: one JSON line each.

Runs in the environment of the original, not in ours.
"""

import copy
import json
import sys
from importlib import import_module


def part(module, name):
    """Return a function of the original."""
    return getattr(import_module(module), name)


def judge(document):
    part("red_val.red_validation", "red_validation")(document, False)
    variables = part("red_val.red_variables", "get_variable_keys")(document)
    check_engine = part("cc_core.commons.engines", "engine_validation")
    check_engine(document, "container", ["docker"])
    check_engine(document, "execution", ["ccagency", "ccfaice"], optional=True)
    restricted(copy.deepcopy(document))
    return {"variables": [[variable.key, variable.protected] for variable in variables]}


def words(base, declared, inputs):
    arguments = part("cc_core.commons.command_builder", "get_cli_arguments")(declared)
    generate = part("cc_core.commons.command_builder", "generate_command")
    return {"words": generate(base, arguments, {"inputs": inputs})}


def restricted(document):
    convert = part("cc_core.commons.red_to_restricted_red", "convert_red_to_restricted_red")
    return {"jobs": [batch.data for batch in convert(document)]}


def check_schemas_once():
    """Leave out what takes most of the time: jsonschema checks the schema too, at each call."""
    for name in ("Draft4Validator", "Draft7Validator", "Draft202012Validator"):
        part("jsonschema", name).check_schema = classmethod(lambda *_, **__: None)


def main():
    check_schemas_once()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = globals()[name](*arguments)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error)[-400:]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
