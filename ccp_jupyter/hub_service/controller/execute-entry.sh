ccp_status=$?
trap - EXIT
[ "$ccp_status" -eq 0 ] || exit "$ccp_status"
ccp_phase execute
. /ccp_run/execute.sh
exit $?
