"""``ccp red submit``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ccp_jupyter.cli import experiments, options, output, remembered, variables
from ccp_jupyter.cli.documents import read
from ccp_jupyter.cli.exits import Exit, UsageError
from ccp_jupyter.client import AsyncExecution
from ccp_jupyter.client.red import RedDocument


def submit(asked: argparse.Namespace) -> int:
    """Check a document, complete it, hand it in; wait for its end if asked to."""
    client = options.client(asked)  # before anything is typed: is it known where to?
    asked.address = client.url
    document = read(asked.file)
    values = _values(asked, document)
    after = [options.experiment_id(asked, each) for each in asked.after]

    async def work() -> int:
        async with client:
            execution = await client.submit_red(
                document,
                variables=values,
                use_vault=asked.from_vault,
                retry=not asked.disable_retry,
                validate_connectors=not asked.disable_connector_validation,
                after=after,
            )
            return await _submitted(asked, document, execution)

    return asyncio.run(work())


async def _submitted(
    asked: argparse.Namespace, document: RedDocument, execution: AsyncExecution
) -> int:
    _remember(asked, execution)
    for change in document.changes:
        output.note(f"changed: {change}")
    if asked.json:
        output.note(f"Experiment {execution.id}")
    else:
        # Flushed at once: whoever reads it may start to watch while this program waits.
        output.result(execution.id)
        sys.stdout.flush()
    if asked.wait:
        return await experiments.wait(asked, execution)
    if asked.json:
        found = experiments.described(execution, asked.address)
        output.document({**found, "changes": list(document.changes)})
    return Exit.OK


def _values(asked: argparse.Namespace, document: RedDocument) -> variables.Values:
    wanted = document.variables
    # With --from-vault whatever is still missing is the vault's, so nobody is asked.
    ask = not (asked.non_interactive or asked.from_vault) and sys.stdin.isatty()
    found = variables.collect(
        wanted,
        arguments=asked.variable,
        file=asked.variables_file,
        keyring_service=asked.keyring_service,
        ask=ask,
    )
    missing = sorted(name for name in wanted if name not in found)
    if missing and not asked.from_vault:
        raise UsageError(
            f"no value for {', '.join(missing)}: give --variables-file, the environment"
            f" ({variables.PREFIX}{missing[0]}=…), the keyring (service"
            f" {asked.keyring_service!r}) or --from-vault"
        )
    return found


def _remember(asked: argparse.Namespace, execution: AsyncExecution) -> None:
    if asked.file == "-":
        return
    try:
        remembered.remember(asked.address, Path(asked.file), execution.id)
    except OSError as error:
        # The Experiment is handed in: that the short way to it is missing must not hide its id.
        output.note(f"ccp: the id is not remembered for {asked.file}: {error}")
