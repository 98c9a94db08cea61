-- Which object a file is a version of, and which version: so a load itself finds the newest one. Of files that were
-- loaded before, neither is known here until they are reloaded.

ALTER TABLE etl.arrivals ADD COLUMN object VARCHAR(16) ENCODE ZSTD;

ALTER TABLE etl.arrivals ADD COLUMN version VARCHAR(128) ENCODE ZSTD;

-- The keys of the objects that were loaded.
CREATE TABLE IF NOT EXISTS etl.objects (
  dataset VARCHAR(128) NOT NULL ENCODE RAW,
  object VARCHAR(16) NOT NULL ENCODE ZSTD,
  bucket VARCHAR(64) NOT NULL ENCODE ZSTD,
  object_key VARCHAR(1024) NOT NULL ENCODE ZSTD
) DISTSTYLE EVEN SORTKEY (dataset);

-- From a row's _file_id to the file that it came in: join it with a table of yours.
CREATE OR REPLACE VIEW etl.files AS
SELECT
  a.file_id,
  a.dataset,
  o.bucket,
  o.object_key,
  f.batch_id,
  f.loaded,
  f.superseded,
  TRY_CAST(
    SUBSTRING(a.arrival, 1, 4) || '-' || SUBSTRING(a.arrival, 5, 2) || '-' || SUBSTRING(a.arrival, 7, 2)
    || ' ' || SUBSTRING(a.arrival, 9, 2) || ':' || SUBSTRING(a.arrival, 11, 2) || ':' || SUBSTRING(a.arrival, 13, 2)
    AS TIMESTAMP
  ) AS arrived_at
FROM etl.arrivals AS a
LEFT JOIN (
  SELECT
    object,
    MIN(bucket) AS bucket,
    MIN(object_key) AS object_key
  FROM etl.objects
  GROUP BY object
) AS o ON a.object = o.object
LEFT JOIN etl.file_rows AS f ON a.file_id = f.file_id;
