"""Reads a CC-Agency database; never writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import gridfs
import pymongo
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.database import Database
from pymongo.errors import ConfigurationError, InvalidName, InvalidURI

from ccp_jupyter.hub_service.moving.values import Json

_PAGE: Final = 50
_CHUNK: Final = 256 * 1024
_PATIENCE: Final = 10_000  # milliseconds until a server that does not answer is given up


class WrongAddress(Exception):
    """The URI or the name of the database cannot be used."""


class Incomplete(Exception):
    """A stream is damaged in the database."""


@contextmanager
def opened(uri: str, name: str, user: str | None, password: str | None) -> Iterator[Source]:
    """Open a database.

    Raises
    ------
    WrongAddress
        The URI is none; its text is not repeated, because a password may be in it.
    pymongo.errors.PyMongoError
        On first use: the server does not answer, or does not let us in.
    """
    login: dict[str, Any] = {} if user is None else {"username": user, "password": password}
    options: CodecOptions[dict[str, Any]] = CodecOptions(
        # One damaged text must not hide the document that it is in.
        unicode_decode_error_handler="replace",
        datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    )
    # The driver takes anything else for the name of a host, and nothing for this machine.
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise WrongAddress("must begin with mongodb:// or mongodb+srv://")
    try:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            uri, serverSelectionTimeoutMS=_PATIENCE, **login
        )
    except (ConfigurationError, InvalidURI, ValueError, TypeError) as error:
        raise WrongAddress(f"is no address of a MongoDB server ({type(error).__name__})") from None
    with client:
        try:
            database = client.get_database(name, codec_options=options)
        except InvalidName:
            raise WrongAddress("is no name of a database") from None
        yield Source(database)


class Source:
    """Experiments, batches, users and streams, in an order that does not change."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._files = gridfs.GridFSBucket(database)

    def count_batches(self) -> int:
        """Return how many batches there are."""
        return self._database.batches.count_documents({})

    def experiments(self) -> Iterator[Json]:
        """Yield the experiments with an ObjectId, oldest first.

        A page at a time, so that no cursor grows old while streams are copied.
        """
        last = ObjectId("0" * 24)
        while True:
            query = {"_id": {"$gt": last}}
            page = list(self._database.experiments.find(query).sort("_id").limit(_PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1]["_id"]

    def strange_experiments(self) -> Iterator[object]:
        """Yield the ids of experiments that are no ObjectIds."""
        query = {"_id": {"$not": {"$type": "objectId"}}}
        yield from (each["_id"] for each in self._database.experiments.find(query, {"_id": 1}))

    def batches(self, experiment: ObjectId) -> list[Json]:
        """Return the batches of an experiment, by place and id."""
        query = {"experimentId": {"$in": [str(experiment), experiment]}}
        order = [("batchesListIndex", pymongo.ASCENDING), ("_id", pymongo.ASCENDING)]
        return list(self._database.batches.find(query).sort(order).allow_disk_use(True))

    def users(self) -> dict[str, bool]:
        """Return the users' names, and whether they administer."""
        members = {"username": 1, "is_admin": 1}
        return {
            each["username"]: each.get("is_admin") is True
            for each in self._database.users.find({}, members)
            if isinstance(each.get("username"), str)
        }

    def stream(self, batch: str, name: str) -> Iterator[bytes] | None:
        """Return what a batch wrote to ``stdout`` or ``stderr``, the latest; None without.

        The iterator raises `Incomplete` where the database lacks a part.
        """
        try:
            return _chunks(self._files.open_download_stream_by_name(f"{batch}_{name}"))
        except NoFile:
            return None


def _chunks(file: gridfs.GridOut) -> Iterator[bytes]:
    with file:
        try:
            while chunk := file.read(_CHUNK):
                yield chunk
        except CorruptGridFile:
            raise Incomplete("is damaged in the database; its beginning was kept") from None
