-- The order in which the files arrived whose rows were loaded: the later one wins, whatever the order of loading.

CREATE TABLE IF NOT EXISTS etl.arrivals (
  file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  dataset VARCHAR(128) NOT NULL ENCODE RAW,
  arrival VARCHAR(192) NOT NULL ENCODE ZSTD
) DISTSTYLE EVEN SORTKEY (dataset, arrival);
