-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- The batch as it would be loaded; the target is not touched.
CREATE TEMP TABLE stage (
  sensor_id VARCHAR(16),
  measured_at TIMESTAMP,
  temperature DECIMAL(5, 2),
  humidity REAL,
  battery_low BOOLEAN,
  installed_on DATE,
  _unknown VARCHAR(65535),
  _file_id VARCHAR(32),
  _row_number BIGINT,
  _batch_id VARCHAR(160)
);

-- if parts
COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST;

-- One pass over the rows.
CREATE TEMP TABLE measured AS
SELECT
  COUNT(*) AS row_count,
  COUNT(temperature) AS known_1,
  AVG(CAST(temperature AS DOUBLE PRECISION)) AS mean_1,
  STDDEV_SAMP(CAST(temperature AS DOUBLE PRECISION)) AS spread_1
FROM stage;

INSERT INTO etl.quality_figures (
  dataset, scope, point, day, column_name, metric, category,
  figure, row_count, deviation, measured_at
)
SELECT
  'sensor_readings',
  '${scope}',
  '${batch}',
  CAST(GETDATE() AS DATE),
  column_name,
  metric,
  category,
  figure,
  row_count,
  deviation,
  GETDATE()
FROM (
  SELECT
    CAST('' AS VARCHAR(127)) AS column_name,
    CAST('rowCount' AS VARCHAR(32)) AS metric,
    CAST('' AS VARCHAR(256)) AS category,
    CAST(row_count AS DOUBLE PRECISION) AS figure,
    CAST(row_count AS BIGINT) AS row_count,
    CAST(0 AS DOUBLE PRECISION) AS deviation
  FROM measured
  UNION ALL
  SELECT
    CAST('temperature' AS VARCHAR(127)),
    CAST('mean' AS VARCHAR(32)),
    CAST('' AS VARCHAR(256)),
    CAST(mean_1 AS DOUBLE PRECISION),
    CAST(known_1 AS BIGINT),
    CAST(COALESCE(spread_1, 0) AS DOUBLE PRECISION)
  FROM measured
  UNION ALL
  SELECT
    CAST('temperature' AS VARCHAR(127)),
    CAST('nullShare' AS VARCHAR(32)),
    CAST('' AS VARCHAR(256)),
    CAST(row_count - known_1 AS DOUBLE PRECISION),
    CAST(row_count AS BIGINT),
    CAST(0 AS DOUBLE PRECISION)
  FROM measured
) AS figures
WHERE figure IS NOT NULL;

DROP TABLE measured;

DROP TABLE stage;
