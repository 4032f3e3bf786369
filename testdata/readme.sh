#!/usr/bin/env bash
# Does what README.md tells a newcomer to do, and checks that it happens. Every
# command here stands in the README word for word, or this fails.
set -euo pipefail
cd "$(dirname "$0")/.."
export NO_COLOR=1
dir=$(mktemp -d)
pids=()
end() {
	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$dir"
}
trap end EXIT

# readme COMMAND: fails unless the README says so.
readme() {
	grep -qF -- "$1" README.md || { echo "README.md does not say: $1" >&2; exit 1; }
	echo "\$ $1"
}

# until_true WHAT COMMAND...: waits until COMMAND succeeds, 60 s at most.
until_true() {
	local what=$1 end=$((SECONDS + 60))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain: $what" >&2
			tail -n 50 "$dir"/*.log >&2 || true
			exit 1
		fi
		sleep 0.1
	done
}

generation() { sed -n 's/.*"generation": \([0-9]*\).*/\1/p' "$1"; }
brought_back() { [ "$(generation examples/colony/state/status/hanger.json)" -ge 2 ]; }

rm -rf examples/colony/state examples/colony/messages
readme 'make build'
make build
readme 'dist/ncolony --root examples/colony'
dist/ncolony --root examples/colony >"$dir/colony.log" 2>&1 &
pids+=($!)
until_true "the colony is up" dist/ncolony ctl --root examples/colony status
until_true "the one that hangs is brought back" brought_back
readme 'dist/ncolony ctl --root examples/colony status'
dist/ncolony ctl --root examples/colony status
readme 'cat examples/colony/state/status/hanger.json'
cat examples/colony/state/status/hanger.json
readme 'dist/ncolony ctl --root examples/colony restart --wait clock'
dist/ncolony ctl --root examples/colony restart --wait clock
dist/ncolony ctl --root examples/colony shutdown --wait
wait "${pids[0]}"
pids=()

# The second chapter, with the directory elsewhere.
readme 'export PATH=$PWD/dist:$PATH'
export PATH=$PWD/dist:$PATH
readme 'ncolony --root /tmp/mine &'
ncolony --root "$dir/mine" >"$dir/mine.log" 2>&1 &
pids+=($!)
until_true "the second colony is up" ncolony ctl --root "$dir/mine" status
readme 'ncolony ctl --root /tmp/mine add web --cmd python3 --arg=-m --arg=http.server --env-inherit PATH'
# Nothing of a test may listen to the world, so another program stands in.
ncolony ctl --root "$dir/mine" add web --wait --cmd sh --arg=-c --arg='exec sleep 600' --env-inherit PATH
readme 'ncolony ctl --root /tmp/mine status'
ncolony ctl --root "$dir/mine" status >"$dir/status"
grep '^web  *running' "$dir/status"
readme 'ncolony ctl --root /tmp/mine explain web'
ncolony ctl --root "$dir/mine" explain web
readme 'ncolony ctl --root /tmp/mine status --watch'
timeout 2 ncolony ctl --root "$dir/mine" status --watch >"$dir/watch" || [ $? -eq 124 ]
grep '^web  *running' "$dir/watch"
readme 'ncolony -- your-program its arguments'
code=0
ncolony --root "$dir/other" -- sh -c 'exit 7' 2>/dev/null || code=$?
[ $code -eq 7 ] || { echo "ncolony -- sh -c 'exit 7' gave $code" >&2; exit 1; }
readme '`make image` makes the image `ncolony`'
if docker info >/dev/null 2>&1; then
	make image VERSION=readme
	docker run --rm --network none ncolony --version
	docker rmi ncolony:readme ncolony:latest >/dev/null
else
	echo "no Docker engine here: the image is not made"
fi
echo "README: 13 passed, 0 failed"
