ccp_status=$?
trap - EXIT
[ "$ccp_status" -eq 0 ] || { ccp_phase "end $ccp_status"; exit "$ccp_status"; }
ccp_note 2
ccp_phase execute
# The script may end the shell, or have a trap of its own: then the engine alone tells of the end.
trap 'ccp_phase "end $?"' EXIT
. /ccp_run/execute.sh
ccp_status=$?
trap - EXIT
ccp_phase "end $ccp_status"
exit "$ccp_status"
