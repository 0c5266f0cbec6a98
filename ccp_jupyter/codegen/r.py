"""R, with the packages httr2 and jsonlite."""

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
from ccp_jupyter.codegen.literals import json_pieces, r_raw_string, r_string

SUFFIX: Final = ".R"
MEDIA_TYPE: Final = "text/x-r"

_ASKING: Final = """\
# Returns what an environment variable has, or else asks for it.
input <- file("stdin", "r")
secret <- function(variable) {
  value <- Sys.getenv(variable)
  if (value == "" && interactive()) {
    value <- askpass::askpass(paste0(variable, ": "))
  } else if (value == "") {
    hidden <- system("stty -echo", ignore.stderr = TRUE) == 0
    cat(variable, ": ", sep = "", file = stderr())
    value <- readLines(input, n = 1)
    if (hidden) system("stty echo")
  }
  if (length(value) == 0 || value == "") {
    stop(variable, " is missing: set it, or type it in", call. = FALSE)
  }
  value
}"""

_JSON: Final = """\
# Returns a text as JSON.
json <- function(text) jsonlite::toJSON(text, auto_unbox = TRUE)"""

_CONTENT: Final = """\
# Returns a file of the current folder in base64.
content <- function(name, origin) {
  if (!file.exists(name)) stop(name, ": there is no such file here. ", origin, call. = FALSE)
  openssl::base64_encode(readBin(name, "raw", file.size(name)))
}"""

_CALL: Final = """\
# Prepares a request to the service, to be sent again while that is away.
away <- c(429, 502, 503, 504)
call_to <- function(path) {
  request(paste0(sub("/+$", "", service), "/", path)) |>
    req_auth_bearer_token(token) |>
    req_options(followlocation = FALSE) |> # so that nobody else gets the token
    req_error(body = \\(response) rawToChar(response$body)) |>
    req_retry(max_tries = 5, is_transient = \\(response) resp_status(response) %in% away)
}"""

_REST: Final = """\
# Submit. The same key makes one Execution, however often the request must be sent.
submitted <- call_to(path) |>
  req_body_raw(charToRaw(body), "application/json") |>
  req_headers(
    Prefer = "respond-async",
    `Idempotency-Key` = paste(openssl::rand_bytes(16), collapse = "")
  ) |>
  req_perform()
execution <- basename(resp_header(submitted, "Location"))
cat("Execution ", execution, "\\n", sep = "")

# Wait for its end, at first with short pauses.
pause <- 1
repeat {
  status <- call_to(paste0("jobs/", execution)) |> req_perform() |> resp_body_json()
  cat(status$status, ", ", status$progress, " %: ", status$message, "\\n", sep = "")
  if (status$status %in% c("successful", "failed", "dismissed")) break
  Sys.sleep(pause)
  pause <- min(1.5 * pause, 15)
}
if (status$status != "successful") {
  log <- call_to(paste0("jobs/", execution, "/log")) |> req_perform()
  cat(rawToChar(log$body), file = stderr())
  stop("Execution ", execution, " ", status$status, ": ", status$message, call. = FALSE)
}

# Fetch and unpack all files that it put out. Nothing may land outside of the folder.
folder <- paste0("execution-", execution)
archive <- paste0(folder, ".zip")
download <- call_to(paste0("jobs/", execution, "/outputs/output.zip"))
invisible(req_perform(download, path = archive))
names <- unzip(archive, list = TRUE)$Name
leaving <- grepl("^([/\\\\\\\\]|[A-Za-z]:)|(^|[/\\\\\\\\])[.][.]([/\\\\\\\\]|$)", names)
if (any(leaving)) stop(archive, " is refused: ", names[leaving][1], " would leave the folder")
unzip(archive, exdir = folder)
cat("Outputs are in ", folder, "\\n", sep = "")
"""


def script(facts: Facts) -> str:
    """Return a script for Rscript, RStudio, or the console."""
    comments = "\n".join(f"# {line}".rstrip() for line in header(facts))
    needs = "# Needs R 4.1, and the packages httr2 and jsonlite."
    functions = [_ASKING, _CALL]
    functions += [_JSON] if facts.secrets else []
    functions += [_CONTENT] if facts.files else []
    service = r_string(facts.service)
    return "\n\n".join(
        [
            f"#!/usr/bin/env Rscript\n{comments}\n#\n{needs}",
            "library(httr2)",
            *functions,
            f'service <- Sys.getenv("{SERVICE_VARIABLE}", {service})\n'
            f'token <- secret("{TOKEN_VARIABLE}")\n'
            f"path <- {r_string(facts.path)}\n"
            f"body <- {_body(facts)}",
            _REST,
        ]
    )


def _body(facts: Facts) -> str:
    """Return the request as an expression that gives its JSON."""
    pieces = json_pieces(facts.request)
    found = [r_raw_string(each) if isinstance(each, str) else _hole(each) for each in pieces]
    return found[0] if len(found) == 1 else f"paste0({', '.join(found)})"


def _hole(hole: Secret | LocalFile) -> str:
    if isinstance(hole, Secret):
        return f"json(secret({r_string(hole.variable)}))"
    return f"content({r_string(hole.name)}, {r_string(hole.origin)})"
