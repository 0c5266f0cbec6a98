# Runs both scripts of a Method in one shell, so that the second sees what the first has exported,
# and reports on file descriptor 9 (the container's stderr) where it is. The first word of a report
# is the mark that came as argument. Works in dash, busybox ash and bash.
ccp_mark=$1
exec 9>&2
ccp_phase() { printf '%s %s\n' "$ccp_mark" "$1" >&9; }
# How far it is, for the service when a part of the log is lost: 0 not started, 1 started, 2 at
# execute-script. Overwritten in place: that works on a full disk.
ccp_note() { printf '%s' "$1" 2>/dev/null 1<>/ccp_run/state; }
read -r ccp_state </ccp_run/state
# An engine that hung may be asked twice to start, and starts what has ended again.
[ "$ccp_state" = 0 ] || { ccp_phase again; exit 255; }
ccp_note 1
cd /ccp_data || exit
# A deploy-script that says "exit 0" ends only itself.
trap '. /ccp_run/execute-entry.sh' EXIT
ccp_phase deploy
. /ccp_run/deploy.sh
. /ccp_run/execute-entry.sh
