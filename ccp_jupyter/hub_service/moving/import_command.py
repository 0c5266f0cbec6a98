"""``ccp import-agency``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pymongo.common import MIN_SUPPORTED_SERVER_VERSION
from pymongo.errors import PyMongoError

from ccp_jupyter.hub_service.controller.outputs import NoRoom
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.moving.config_file import write_whole
from ccp_jupyter.hub_service.moving.exits import (
    INVALID,
    OK,
    REFUSED,
    UNREACHABLE,
    USAGE,
    complain,
)
from ccp_jupyter.hub_service.moving.report import printable
from ccp_jupyter.hub_service.moving.source import Source, WrongAddress, opened
from ccp_jupyter.hub_service.moving.takeover import Outcome, Target, take_over
from ccp_jupyter.hub_service.moving.user_map import read_users
from ccp_jupyter.hub_service.old_ids import FILE, ids_text, read_ids
from ccp_jupyter.hub_service.only_one import InUse, OnlyOne
from ccp_jupyter.hub_service.store.base import StoreFull, StoreUnusable
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Limits

_MOST_SHOWN: Final = 50


class _Wrong(Exception):
    """An argument cannot be used; the text says which and why."""


@dataclass(slots=True)
class _Job:
    """The arguments, read and checked."""

    uri: str
    user: str | None
    password: str | None
    database: str
    data: Path
    infrastructure: str
    users: dict[str, str]
    dry: bool
    outcome: Outcome = field(default_factory=Outcome)
    admins: dict[str, bool] = field(default_factory=dict)
    """Users of the agency, by their names at the hub."""


def run(arguments: argparse.Namespace) -> int:
    """Read the database, write the store, report; returns the exit code."""
    try:
        job = _job(arguments)
        code = _guarded(job)
        _say(job)
        if arguments.report is not None:
            text = json.dumps(_report(job), ensure_ascii=False, indent=1)
            write_whole(arguments.report, text.encode(), replace=True)
    except InvalidDocument as error:
        for problem in error.problems:
            complain(f"{arguments.user_map}: {printable(str(problem))}")
        return INVALID
    except _Wrong as error:
        complain(str(error))
        return USAGE
    except OSError as error:
        complain(f"{error.filename or arguments.report}: {error.strerror or error}")
        return USAGE
    return code


def _job(arguments: argparse.Namespace) -> _Job:
    user, file = arguments.mongo_user, arguments.mongo_password_file
    if (user is None) != (file is None):
        raise _Wrong("--mongo-user and --mongo-password-file need each other")
    return _Job(
        uri=arguments.mongo,
        user=user,
        password=None if file is None else file.read_text().rstrip("\r\n"),
        database=arguments.db,
        data=arguments.data_dir,
        infrastructure=arguments.infrastructure,
        users={} if arguments.user_map is None else read_users(arguments.user_map),
        dry=arguments.dry_run,
    )


def _guarded(job: _Job) -> int:
    """Do it; what stands against it becomes a line and an exit code."""
    try:
        with opened(job.uri, job.database, job.user, job.password) as source:
            if job.dry:
                asyncio.run(_read(job, source, None))
            else:
                _check_account(job.data)
                job.data.mkdir(mode=0o700, parents=True, exist_ok=True)
                with OnlyOne(job.data):
                    asyncio.run(_write(job, source))
    except WrongAddress as error:
        complain(f"--mongo or --db: {error}")
        return USAGE
    except PyMongoError as error:
        complain(f"database: {_of_database(error)}. Then repeat: it goes on where it ended")
        return UNREACHABLE
    except (InUse, StoreUnusable, ValueError) as error:
        complain(str(error))
        return REFUSED
    except (StoreFull, NoRoom, OSError) as error:
        complain(f"{error}. Then repeat: it goes on where it ended")
        return REFUSED
    return OK


def _of_database(error: PyMongoError) -> str:
    """Return what the server said; never the address with a password."""
    if "wire version" in str(error):
        return (
            f"the server is older than MongoDB {MIN_SUPPORTED_SERVER_VERSION}, and the driver does"
            " not speak with it. Copy the database to a newer one (mongodump, mongorestore)"
        )
    details = getattr(error, "details", None)
    said = details.get("errmsg") if isinstance(details, dict) else None
    return printable(str(said or f"{type(error).__name__}, the server does not answer")[:300])


def _check_account(data: Path) -> None:
    """Refuse to make files that the service could not change."""
    if data.exists() and data.stat().st_uid != os.geteuid():
        raise ValueError(f"{data} belongs to another account; run this as that one")


async def _write(job: _Job, source: Source) -> None:
    ids = job.data / FILE
    known = read_ids(ids)
    store = await SqliteStore.open(job.data / "store.sqlite")
    try:
        await _read(job, source, Target(store, Folders(job.data / "executions")))
    finally:
        await store.close()
        # Also of what was done before something went wrong.
        if job.outcome.ids:
            write_whole(ids, ids_text(known | job.outcome.ids), replace=True)


async def _read(job: _Job, source: Source, target: Target | None) -> None:
    for name, admin in source.users().items():
        owner = job.users.get(name, name)
        job.admins[owner] = admin or job.admins.get(owner, False)
    await take_over(source, target, job.users, job.infrastructure, job.outcome)


def _say(job: _Job) -> None:
    out, write = job.outcome, sys.stdout.write
    write("Nothing was written (--dry-run).\n" if job.dry else "")
    write(f"{'Would be taken' if job.dry else 'Taken'} over: {out.experiments} experiments with")
    write(f" {out.batches} batches, {out.unfinished} of them unfinished and dismissed.\n")
    if not job.dry:
        write(f"There already: {out.already} experiments. Streams copied: {out.streams}.\n")
        write(f"Ids in CC-Agency and here: {job.data / FILE}\n" if out.ids else "")
    names = sorted(set(job.admins) | set(out.owners))
    if names:
        write("\nThe hub must know these users; passwords cannot be taken over:\n")
    for name in names:
        admin = ", administers CC-Agency" if job.admins.get(name) else ""
        write(f"  * {printable(name)}: {out.owners[name]} experiments{admin}\n")
    for line in _warnings(out):
        write(f"\n{line}\n")
    if out.skipped:
        write(f"\nNot taken over ({len(out.skipped)}):\n")
    for each in out.skipped[:_MOST_SHOWN]:
        write(f"  * {each['kind']} {printable(each['id'])}: {printable(each['reason'])}\n")
    if len(out.skipped) > _MOST_SHOWN:
        write(f"  … and {len(out.skipped) - _MOST_SHOWN} more; --report FILE gets all\n")


def _warnings(outcome: Outcome) -> list[str]:
    found = []
    limit = Limits().stored_executions
    if many := [name for name, count in outcome.owners.items() if count >= limit]:
        found.append(
            f"{', '.join(map(printable, sorted(many)))}: as many Executions as one user may keep"
            f" ({limit}); raise limits.stored_executions, or they cannot submit"
        )
    if upper := [name for name in outcome.owners if name != name.lower()]:
        found.append(
            f"{', '.join(map(printable, sorted(upper)))}: most authenticators of the hub make names"
            " lower-case; if yours does, name them in --user-map before you take them over"
        )
    return found


def _report(job: _Job) -> dict[str, Any]:
    out = job.outcome
    return {
        "dryRun": job.dry,
        "experiments": out.experiments,
        "batches": out.batches,
        "unfinished": out.unfinished,
        "already": out.already,
        "streams": out.streams,
        "users": {
            name: {"experiments": out.owners[name], "admin": job.admins.get(name, False)}
            for name in sorted(set(job.admins) | set(out.owners))
        },
        "skipped": out.skipped,
    }
