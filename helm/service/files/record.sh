# Tells the pods that wait that their image has migrated the database.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set image="$IMAGE" --dbname "$DATABASE_URL" <<'SQL'
SET client_min_messages = warning;
BEGIN;
CREATE SCHEMA IF NOT EXISTS lab;
CREATE TABLE IF NOT EXISTS lab.migration (image text PRIMARY KEY, at timestamptz NOT NULL);
INSERT INTO lab.migration VALUES (:'image', now()) ON CONFLICT (image) DO UPDATE SET at = now();
COMMIT;
SQL
touch /tmp/recorded
echo "migrated by $IMAGE"
