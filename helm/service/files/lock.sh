# Holds an advisory lock of the database until the migration is recorded, or this container is killed.
# A signal alone does not release it: where the pod is deleted, the migration is told at the same time, and may still be
# at work. The image decides which signal that is.
set -eu
rm -f /tmp/held
trap 'test ! -e /tmp/recorded || exit 0' INT TERM
until pg_isready --dbname "$DATABASE_URL"; do sleep 1; done
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$DATABASE_URL" <<'SQL' &
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
\echo waiting for the lock
\o /dev/null
SELECT pg_advisory_lock(hashtextextended('lab.migration', 0));
\! touch /tmp/held
\echo the lock is held
SELECT 1 \watch 2
SQL
while kill -0 $! 2>/dev/null; do wait $! || true; done
echo "the lock is lost" >&2
exit 1
