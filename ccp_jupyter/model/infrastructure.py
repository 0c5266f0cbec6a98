"""Infrastructures, their Nodes and their limits, as the configuration states them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]

_MIB = 2**20
_GIB = 2**30


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Record):
    """What one Infrastructure grants to each Task, Execution and user. Sizes in bytes or "2GiB"."""

    memory: ByteSize = Field(ByteSize(_GIB), description="memory of one container")
    cpus: float = Field(1.0, gt=0, description="CPU cores of one container")
    pids: int = Field(512, ge=16, description="processes and threads in one container")
    max_time: int = Field(3600, ge=1, description="longest Execute phase, seconds")
    max_setup_time: int = Field(1800, ge=1, description="longest Launch or Deploy phase, seconds")
    max_replicas: int = Field(16, ge=1, description="most replicas of one Execution")
    input_size: ByteSize = Field(ByteSize(_GIB), description="all inputs of one Execution together")
    output_size: ByteSize = Field(
        ByteSize(10 * _GIB), description="content of /ccp_data of one replica, before compression"
    )
    output_files: int = Field(100_000, ge=1, description="files in /ccp_data of one replica")
    file_size: ByteSize = Field(
        ByteSize(10 * _GIB), description="one file that a container may write (RLIMIT_FSIZE)"
    )
    log_size: ByteSize = Field(ByteSize(10 * _MIB), description="kept log text of one replica")
    stored_executions: int = Field(10_000, ge=1, description="Executions kept for one user")
    stored_size: ByteSize = Field(
        ByteSize(100 * _GIB), description="results kept for one user, compressed"
    )


class Tls(_Record):
    """Files for mutual TLS to an engine, all in PEM form."""

    ca: Path
    cert: Path
    key: Path


class Node(_Record):
    """One engine endpoint.

    An engine is reached by unix socket or mutual TLS; plain TCP needs ``insecure``
    (whoever reaches a docker engine's port is root on that machine).
    """

    id: Identifier
    base_url: str = Field(pattern=r"^(unix://|tcp://|https://).+")
    tls: Tls | None = None
    insecure: bool = False
    slots: int | None = Field(None, ge=1, description="containers at a time; default 4 per CPU")
    memory: ByteSize | None = Field(None, description="memory to hand out; default: all it has")

    @model_validator(mode="after")
    def _refuse_plain_tcp(self) -> Node:
        if not self.base_url.startswith("unix://") and self.tls is None and not self.insecure:
            raise ValueError(
                f"node {self.id}: {self.base_url} is plain TCP; give the files of `tls`,"
                " or set `insecure` if you accept that anybody who reaches it is root there"
            )
        return self


class Registry(_Record):
    """A container image registry: where Runtimes are listed and pulled from."""

    host: str = Field(description="as in image references, e.g. registry.example.org:5000")
    username: str | None = None
    password: SecretStr | None = None
    insecure: bool = Field(False, description="speak plain HTTP when listing Runtimes")


class Infrastructure(_Record):
    """A place to run containers."""

    id: Identifier
    name: str
    description: str = ""
    type: Literal["docker"] = "docker"
    limits: Limits = Limits()
    network: str = Field("bridge", description="docker network mode of every container")
    capabilities: tuple[str, ...] = Field(
        ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
        description="Linux capabilities that containers keep; package managers need these five",
    )
    nodes: tuple[Node, ...] = Field(min_length=1)
    registries: tuple[Registry, ...] = ()
    runtimes: tuple[str, ...] = Field((), description="image references offered to everybody")

    @model_validator(mode="after")
    def _distinct_nodes(self) -> Infrastructure:
        ids = [node.id for node in self.nodes]
        if doubled := {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"infrastructure {self.id}: node ids used twice: {sorted(doubled)}")
        return self
