# Ends when this pod's image has migrated the database; until then says every 30 s what it waits for.
set -eu
migrated() {
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set image="$IMAGE" --dbname "$DATABASE_URL" <<'SQL'
SELECT to_regclass('lab.migration') IS NOT NULL AS recorded \gset
\if :recorded
SELECT 'yes' FROM lab.migration WHERE image = :'image';
\endif
SQL
}
told=0
wait_until() {
  now=$(date +%s)
  if test $((now - told)) -ge 30; then
    echo "waiting until $1"
    told=$now
  fi
  sleep 0.5
}
until state=$(pg_isready --dbname "$DATABASE_URL"); do
  wait_until "the database answers: $state"
done
told=0
answer=$(migrated)
while test "$answer" != yes; do
  wait_until "$IMAGE has migrated the database; if it was made anew, delete the Job of its migration and repeat that helm upgrade"
  answer=$(migrated)
done
