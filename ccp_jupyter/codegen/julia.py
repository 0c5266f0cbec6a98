"""Julia, with the packages HTTP, JSON3 and ZipFile."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.codegen.facts import (
    SERVICE_VARIABLE,
    TOKEN_VARIABLE,
    Facts,
    LocalFile,
    Secret,
    header,
)
from ccp_jupyter.codegen.literals import json_pieces, julia_block, julia_string

SUFFIX: Final = ".jl"
MEDIA_TYPE: Final = "text/x-julia"

_NEEDS: Final = """\
# Needs Julia 1.6, and these packages:
#     import Pkg; Pkg.add(["HTTP", "JSON3", "ZipFile"])"""

_USING: Final = """\
using Base64, HTTP, JSON3, Random, ZipFile"""

_ASKING: Final = """\
# Returns what an environment variable has, or else asks for it.
function secret(variable)
    value = get(ENV, variable, "")
    isempty(value) || return value
    Base.shred!(typed -> read(typed, String), Base.getpass(variable))
end"""

_CONTENT: Final = """\
# Returns a file of the current folder in base64.
function content(name, origin)
    isfile(name) || error("$name: there is no such file here. $origin")
    base64encode(read(name))
end"""

_CALL: Final = """\
# Sends a request to the service, and returns its answer. HTTP tries again while that is away.
function call(method, path, headers = [], body = ""; options...)
    url = rstrip(service, '/') * "/" * path
    login = "Authorization" => "Bearer $token"
    # Nobody else gets the token, so redirects are not followed.
    HTTP.request(
        method, url, [login; headers], body;
        redirect = false, retry_non_idempotent = true, options...
    )
end"""

_REST: Final = """\
# Submit. The same key makes one Execution, however often the request must be sent.
headers = [
    "Content-Type" => "application/json",
    "Prefer" => "respond-async",
    "Idempotency-Key" => randstring(RandomDevice(), 32),
]
submitted = call("POST", path, headers, body)
execution = last(split(HTTP.header(submitted, "Location"), '/'))
println("Execution $execution")

# Wait for its end, at first with short pauses.
function finished(execution)
    pause = 1.0
    while true
        status = JSON3.read(call("GET", "jobs/$execution").body)
        println("$(status.status), $(status.progress) %: $(status.message)")
        status.status in ("successful", "failed", "dismissed") && return status
        sleep(pause)
        pause = min(1.5 * pause, 15.0)
    end
end

status = finished(execution)
if status.status != "successful"
    write(stderr, call("GET", "jobs/$execution/log").body)
    error("Execution $execution $(status.status): $(status.message)")
end

# Fetch and unpack all files that it put out.
folder = "execution-$execution"
archive = "$folder.zip"
open(archive, "w") do file
    call("GET", "jobs/$execution/outputs/output.zip"; response_stream = file)
end
outputs = ZipFile.Reader(archive)
for entry in outputs.files
    # Nothing may land outside of the folder, whoever made the zip.
    if isabspath(entry.name) || ".." in split(entry.name, ['/', '\\\\'])
        error("$archive is refused: $(entry.name) would leave the folder")
    end
end
for entry in outputs.files
    target = joinpath(folder, entry.name)
    mkpath(endswith(entry.name, '/') ? target : dirname(target))
    endswith(entry.name, '/') || write(target, read(entry))
end
close(outputs)
println("Outputs are in $folder")
"""


def script(facts: Facts) -> str:
    """Return a script that runs from the command line."""
    comments = "\n".join(f"# {line}".rstrip() for line in header(facts))
    functions = [_ASKING, *([_CONTENT] if facts.files else []), _CALL]
    return "\n\n".join(
        [
            f"#!/usr/bin/env julia\n{comments}\n#\n{_NEEDS}",
            _USING,
            *functions,
            f'service = get(ENV, "{SERVICE_VARIABLE}", {julia_string(facts.service)})\n'
            f'token = secret("{TOKEN_VARIABLE}")\n'
            f"path = {julia_string(facts.path)}\n"
            f"body = {_body(facts)}",
            _REST,
        ]
    )


def _body(facts: Facts) -> str:
    """Return the request as a text, in which ``$(…)`` stands for what fills the holes."""
    pieces = json_pieces(facts.request)
    found = (julia_block(p) if isinstance(p, str) else f"$({_hole(p)})" for p in pieces)
    return f'"""\n{"".join(found)}\n"""'


def _hole(hole: Secret | LocalFile) -> str:
    if isinstance(hole, Secret):
        return f"JSON3.write(secret({julia_string(hole.variable)}))"
    return f"content({julia_string(hole.name)}, {julia_string(hole.origin)})"
