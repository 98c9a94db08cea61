-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

CREATE TABLE IF NOT EXISTS public.task_events (
  task_id VARCHAR(64) NOT NULL ENCODE ZSTD,
  event_type VARCHAR(64) NOT NULL ENCODE ZSTD,
  event_timestamp TIMESTAMP NOT NULL ENCODE RAW,
  worker_id VARCHAR(32) ENCODE ZSTD,
  duration_ms BIGINT ENCODE ZSTD,
  score DOUBLE PRECISION ENCODE ZSTD,
  payload SUPER ENCODE ZSTD,
  _unknown SUPER ENCODE ZSTD,
  _file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  _row_number BIGINT NOT NULL ENCODE ZSTD,
  _batch_id VARCHAR(160) NOT NULL ENCODE ZSTD,
  PRIMARY KEY (task_id)
) DISTSTYLE KEY DISTKEY (task_id) COMPOUND SORTKEY (event_timestamp);

CREATE TABLE IF NOT EXISTS etl.guard_task_events (batch_id VARCHAR(160));
