# Counts the words of its input with Redis, and ends with 3 if there were none.
set -eu
text=$(cat /srv/job/input.txt)
[ -n "$text" ] || exit 3
for word in $text; do
	redis-cli -s /srv/job/redis.sock HINCRBY words "$word" 1 >>/srv/job/redis.log
done
redis-cli -s /srv/job/redis.sock HGETALL words | paste -d' ' - - | sort >/srv/job/result.txt
