-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

CREATE TABLE IF NOT EXISTS public.sensor_readings (
  sensor_id VARCHAR(16) NOT NULL ENCODE ZSTD,
  measured_at TIMESTAMP NOT NULL ENCODE RAW,
  temperature DECIMAL(5, 2) ENCODE ZSTD,
  humidity REAL ENCODE ZSTD,
  battery_low BOOLEAN ENCODE ZSTD,
  installed_on DATE ENCODE ZSTD,
  _unknown SUPER ENCODE ZSTD,
  _file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  _row_number BIGINT NOT NULL ENCODE ZSTD,
  _batch_id VARCHAR(160) NOT NULL ENCODE ZSTD
) DISTSTYLE EVEN COMPOUND SORTKEY (measured_at);

CREATE TABLE IF NOT EXISTS etl.guard_sensor_readings (batch_id VARCHAR(160));
