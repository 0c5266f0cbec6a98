"""Bash, with curl and what every system has.

JSON is read with sed: neither jq nor Python is on every machine, and only two members of a status
are needed. Their names with quotes cannot stand inside of a JSON text, where quotes are escaped.
"""

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
from ccp_jupyter.codegen.literals import bash_block, bash_string, json_pieces

SUFFIX: Final = ".sh"
MEDIA_TYPE: Final = "text/x-shellscript"

_FUNCTIONS: Final = (
    r"""fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Asks for what an environment variable does not have.
ask() {
    if [ -z "${!1:-}" ]; then
        IFS= read -r -s -p "$1: " "$1" || true
        echo >&2
    fi
    [ -n "${!1:-}" ] || fail "$1 is missing: set it, or type it in"
}

# Calls the service: path, then further arguments of curl. The token is in no list of processes.
call() {
    curl --silent --show-error --retry 5 \
        --header @<(printf 'Authorization: Bearer %s\n' "$"""
    + TOKEN_VARIABLE
    + r"""") \
        "${@:2}" "${service%/}/$1"
}

# Prints a text member of the JSON on its input.
member() {
    sed -n -E 's/.*"'"$1"'": *"(([^"\\]|\\.)*)".*/\1/p' | sed 's/\\"/"/g; s/\\\\/\\/g'
}"""
)

_JSON_STRING: Final = r"""# Prints a text as JSON.
json_string() {
    local char i
    printf '"'
    for ((i = 0; i < ${#1}; i++)); do
        char=${1:i:1}
        case $char in
            '"' | \\) printf '\\%s' "$char" ;;
            [[:cntrl:]]) printf '\\u%04x' "'$char" ;;
            *) printf '%s' "$char" ;;
        esac
    done
    printf '"'
}"""

_SUBMIT: Final = r"""temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# Submit. The same key makes one Execution, however often the request must be sent.
code=$(request | call "$path" --data-binary @- \
    --header 'Content-Type: application/json' \
    --header 'Prefer: respond-async' \
    --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
    --dump-header "$temporary/headers" --output "$temporary/answer" --write-out '%{http_code}')
[ "$code" = 201 ] || fail "the service answered $code: $(cat "$temporary/answer")"
location=$(tr -d '\r' <"$temporary/headers" | sed -n 's/^[Ll]ocation: *//p' | tail -n 1)
execution=${location##*/}
echo "Execution $execution"

# Wait for its end, at first with short pauses.
pause=1
while true; do
    answer=$(call "jobs/$execution")
    status=$(member status <<<"$answer")
    message=$(member message <<<"$answer")
    echo "$status: $message"
    case $status in
        successful | failed | dismissed) break ;;
        '') fail "$answer" ;;
    esac
    sleep "$pause"
    pause=$((pause < 10 ? pause + (pause + 1) / 2 : 15))
done
if [ "$status" != successful ]; then
    call "jobs/$execution/log" >&2
    fail "Execution $execution $status: $message"
fi

# Fetch and unpack all files that it put out. Nothing may land outside of the folder.
archive=execution-$execution.zip
call "jobs/$execution/outputs/output.zip" --fail --output "$archive"
if ! command -v unzip >/dev/null; then
    echo "Outputs are in $archive; there is no unzip to unpack it"
    exit
fi
# Its exit code 1 is no error: so it tells that there is nothing in it, for example.
names=$(unzip -Z1 "$archive") || [ $? = 1 ]
if grep -E '^[/\\]|(^|[/\\])\.\.([/\\]|$)' <<<"$names" >&2; then
    fail "$archive is refused: these would leave the folder"
fi
mkdir -p "execution-$execution"
unzip -q -o "$archive" -d "execution-$execution" || [ $? = 1 ]
echo "Outputs are in execution-$execution"
"""


def script(facts: Facts) -> str:
    """Return a script that runs from the command line."""
    comments = "\n".join(f"# {line}".rstrip() for line in header(facts))
    needs = "# Needs curl, and unzip to unpack the outputs."
    functions = [_FUNCTIONS, *([_JSON_STRING] if facts.secrets else [])]
    return "\n\n".join(
        [
            f"#!/usr/bin/env bash\n{comments}\n#\n{needs}",
            "set -euo pipefail",
            f"default={bash_string(facts.service)}\n"
            f"service=${{{SERVICE_VARIABLE}:-$default}}\n"
            f"path={bash_string(facts.path)}",
            *functions,
            _needed(facts),
            _request(facts),
            _SUBMIT,
        ]
    )


def _needed(facts: Facts) -> str:
    """Return the lines that see to it that secrets and files are there."""
    lines = [f"ask {each}" for each in (TOKEN_VARIABLE, *(s.variable for s in facts.secrets))]
    for each in facts.files:
        missing = f"{each.name}: there is no such file here. {each.origin}"
        lines.append(f"[ -f {_path(each)} ] || fail {bash_string(missing)}")
    return "\n".join(lines)


def _request(facts: Facts) -> str:
    """Return the function that prints the request."""
    pieces = json_pieces(facts.request)
    if pieces == [text := pieces[0]]:
        return f"request() {{\n    cat <<'JSON'\n{text}\nJSON\n}}"
    # In this form of a here-document, commands are replaced by what they print.
    text = "".join(bash_block(each) if isinstance(each, str) else _hole(each) for each in pieces)
    return f"request() {{\n    cat <<JSON\n{text}\nJSON\n}}"


def _hole(hole: Secret | LocalFile) -> str:
    if isinstance(hole, Secret):
        return f'$(json_string "${hole.variable}")'
    return f"$(base64 <{_path(hole)} | tr -d '\\n')"


def _path(file: LocalFile) -> str:
    return bash_string(f"./{file.name}" if file.name.startswith("-") else file.name)
