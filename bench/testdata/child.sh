# A child that says when it begins and ends: child.sh LOG SECONDS CODE. It ends
# with CODE after SECONDS, and with 7 at TERM.
generation=${NCOLONY_TOKEN##*:}
end() {
	echo "end $NCOLONY_NAME $generation $$ $1" >>"$LOG"
	exit "$1"
}
LOG=$1
trap 'end 7' TERM
echo "begin $NCOLONY_NAME $generation $$" >>"$LOG"
sleep "$2" &
wait $!
end "$3"
