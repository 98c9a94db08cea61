-- The warehouse's own account of what was loaded. Applied once, in order, by the deployment.

CREATE TABLE IF NOT EXISTS etl.loads (
  batch_id VARCHAR(160) NOT NULL ENCODE ZSTD,
  dataset VARCHAR(128) NOT NULL ENCODE ZSTD,
  status VARCHAR(16) NOT NULL ENCODE ZSTD,
  loaded_at TIMESTAMP NOT NULL ENCODE RAW
) DISTSTYLE ALL SORTKEY (loaded_at);

CREATE TABLE IF NOT EXISTS etl.load_files (
  batch_id VARCHAR(160) NOT NULL ENCODE ZSTD,
  file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  staged BIGINT NOT NULL ENCODE AZ64,
  loaded BIGINT NOT NULL ENCODE AZ64,
  superseded BIGINT NOT NULL ENCODE AZ64
) DISTSTYLE EVEN;

-- Rows of earlier files that a batch replaced.
CREATE TABLE IF NOT EXISTS etl.superseded (
  batch_id VARCHAR(160) NOT NULL ENCODE ZSTD,
  file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  row_count BIGINT NOT NULL ENCODE AZ64
) DISTSTYLE EVEN;

-- What each file has in its target now: loaded when it came, less what later batches replaced.
CREATE OR REPLACE VIEW etl.file_rows AS
SELECT
  f.batch_id,
  f.file_id,
  f.staged,
  f.loaded - COALESCE(s.row_count, 0) AS loaded,
  f.superseded + COALESCE(s.row_count, 0) AS superseded
FROM etl.load_files AS f
LEFT JOIN (
  SELECT
    file_id,
    SUM(row_count) AS row_count
  FROM etl.superseded
  GROUP BY file_id
) AS s ON f.file_id = s.file_id;
