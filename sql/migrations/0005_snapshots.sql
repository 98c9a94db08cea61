-- The files of datasets whose files are snapshots: of which partition, and where in the order of arrival. Rows that
-- came back from quarantine are in a file that is not whole, at the place of their snapshot.

CREATE TABLE IF NOT EXISTS etl.snapshots (
  dataset VARCHAR(128) NOT NULL ENCODE RAW,
  scope VARCHAR(16) NOT NULL ENCODE ZSTD,
  file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  place VARCHAR(192) NOT NULL ENCODE ZSTD,
  whole SMALLINT NOT NULL ENCODE ZSTD
) DISTSTYLE EVEN SORTKEY (dataset, scope);
