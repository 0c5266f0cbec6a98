"""Infrastructures, their Nodes and their limits, as the configuration states them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from ccp_jupyter.model.ssh_address import SshAddress

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]

_MIB = 2**20
_GIB = 2**30


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Record):
    """What one Infrastructure grants to each Task, Execution and user. Sizes in bytes or "2GiB"."""

    memory: ByteSize = Field(ByteSize(_GIB), description="memory of one container of a Method")
    max_memory: ByteSize | None = Field(
        None,
        description="most memory that a Method, its user or a batch may ask for;"
        " default: what Nodes have",
    )
    max_cpus: float | None = Field(
        None, gt=0, description="most CPU cores of one container; default: what Nodes have"
    )
    max_gpus: int | None = Field(
        None, ge=0, description="most GPUs of one container; default: what Nodes have"
    )
    max_pids: int = Field(4096, ge=16, description="most processes that a Method may ask for")
    max_disk: ByteSize | None = Field(
        None, description="most disk that a Method may ask for; default: what Nodes have"
    )
    max_batches: int = Field(100_000, ge=1, description="most batches of one Experiment")
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
    disk: ByteSize = Field(
        ByteSize(0), description="disk that a Node must have to hand out; 0: it is not looked at"
    )
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

    ca: Path = Field(description="certificate of who signed the engine's")
    cert: Path = Field(description="the service's own certificate")
    key: Path = Field(description="its private key")
    hostname: Annotated[str, Field(min_length=1, max_length=253)] | bool = Field(
        True,
        description="name that the engine's certificate must be for; true: the host in base_url;"
        " false: any name, as long as it is signed by `ca`",
    )


class Gpu(_Record):
    """A GPU of a Node, given to one Task at a time."""

    id: str = Field(description="as the engine's GPU runtime knows it: a number or a UUID")
    vendor: Literal["nvidia"] = Field("nvidia", description="whose runtime gives it to containers")
    vram: int | None = Field(None, ge=1, description="MB; None: unknown, fits what asks for none")


class Node(_Record):
    """One engine endpoint.

    An engine is reached by unix socket, mutual TLS or SSH; plain TCP needs ``insecure``
    (whoever reaches a docker engine's port is root on that machine).
    """

    id: Identifier = Field(description="unique in the whole service")
    base_url: str = Field(
        description="unix://PATH, tcp://HOST:PORT, https://HOST:PORT or ssh://USER@HOST",
        pattern=r"^(unix://|tcp://|https://|ssh://).+",
    )
    tls: Tls | None = Field(None, description="needed for tcp:// and https://")
    ssh_key: Path | None = Field(None, description="private key for ssh://; default: ssh's own")
    ssh_known_hosts: Path | None = Field(
        None, description="host keys for ssh://; default: ssh's own; unknown hosts are refused"
    )
    insecure: bool = Field(False, description="accept plain TCP, where no `tls` is given")
    slots: int | None = Field(None, ge=1, description="containers at a time; default 4 per CPU")
    memory: ByteSize | None = Field(None, description="memory to hand out; default: all it has")
    cpus: float | None = Field(
        None, gt=0, description="CPU cores to hand out; default: 4 for each that it has"
    )
    disk: ByteSize | None = Field(None, description="disk to hand out; default: unlimited")
    gpus: tuple[Gpu, ...] = Field((), description="GPUs to hand out")
    environment: dict[str, str] = Field({}, description="variables of every container there")
    network: str | None = Field(None, description="docker network; default: the Infrastructure's")

    @field_validator("base_url")
    @classmethod
    def _check_ssh(cls, url: str) -> str:
        if url.startswith("ssh://"):
            SshAddress.read(url)
        return url

    @model_validator(mode="after")
    def _refuse_plain_tcp(self) -> Node:
        safe = self.base_url.startswith(("unix://", "ssh://")) or self.tls is not None
        if not safe and not self.insecure:
            raise ValueError(
                f"node {self.id}: {self.base_url} is plain TCP; give the files of `tls`,"
                " or set `insecure` if you accept that anybody who reaches it is root there"
            )
        return self


class Registry(_Record):
    """A container image registry: where Runtimes are listed and pulled from."""

    host: str = Field(description="as in image references, e.g. registry.example.org:5000")
    username: str | None = Field(None, description="login that pulls for everybody")
    password: SecretStr | None = Field(None, description="its password")
    insecure: bool = Field(False, description="speak plain HTTP when listing Runtimes")


class Infrastructure(_Record):
    """A place to run containers."""

    id: Identifier = Field(description="in addresses, and in what Methods are compatible with")
    name: str = Field(description="for people")
    description: str = Field("", description="for people")
    type: Literal["docker"] = Field("docker", description="what its Nodes are")
    limits: Limits = Field(Limits(), description="what it grants")
    network: str = Field("bridge", description="docker network mode of every container")
    capabilities: tuple[str, ...] = Field(
        ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
        description="Linux capabilities that containers keep; package managers need these five",
    )
    nodes: tuple[Node, ...] = Field((), description="more may be added while the service runs")
    max_running: int = Field(0, ge=0, description="most Tasks at a time; 0: as many as fit")
    max_running_per_user: int = Field(
        0, ge=0, description="most Tasks of one user at a time; 0: as many as fit"
    )
    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        {},
        description="shares of Contexts and users, by name, where not 1: one with 2 gets twice the"
        " Tasks of one with 1 when both wait",
    )
    allow_fuse: bool = Field(
        False,
        description="let batches mount directories by FUSE: such a container gets /dev/fuse and"
        " the capability SYS_ADMIN, with which it can break out",
    )
    strategy: Literal["spread", "binpack"] = Field(
        "spread", description="whether Tasks go to the emptiest or to the fullest Node with room"
    )
    keep_images_for: float = Field(
        0, ge=0, description="seconds after its last use that an image is removed; 0: never"
    )
    registries: tuple[Registry, ...] = Field(
        (), description="whose images are listed as Runtimes, and logins to pull with"
    )
    runtimes: tuple[str, ...] = Field((), description="image references offered to everybody")

    @model_validator(mode="after")
    def _distinct_nodes(self) -> Infrastructure:
        ids = [node.id for node in self.nodes]
        if doubled := {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"infrastructure {self.id}: node ids used twice: {sorted(doubled)}")
        return self
