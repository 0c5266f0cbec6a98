"""The command line ``ccp``: Experiments, secrets, administration; other packages add commands.

A package adds commands by an entry point of the group ``ccp_jupyter.commands``. Its name is the
command's name (``ccp NAME``); its object is a function ``add_commands(subparsers)`` that takes what
`argparse.ArgumentParser.add_subparsers` returns and adds parsers to it. Each of them sets the
default ``run`` to a function that takes the parsed arguments and returns an exit code
(`ccp_jupyter.cli.exits.Exit`, or any int). Errors that it raises as `ccp_jupyter.client.CcpError`
are shown. A function that adds several commands has one entry point for each.

Where its module cannot be imported because an optional part of the package is not installed,
``ccp NAME`` says so; the other commands are not affected.
"""

from ccp_jupyter.cli.program import COMMANDS_GROUP, main

__all__ = ["COMMANDS_GROUP", "main"]
