-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- The rows that came on the day and are still there.
CREATE TEMP TABLE stage AS
SELECT
  temperature,
  _file_id,
  _row_number,
  _batch_id
FROM public.sensor_readings
WHERE _batch_id IN (
  SELECT batch_id FROM etl.loads
  WHERE
    dataset = 'sensor_readings'
    AND status = 'loaded'
    AND loaded_at >= CAST('${day}' AS TIMESTAMP)
    AND loaded_at < DATEADD(DAY, 1, CAST('${day}' AS TIMESTAMP))
);

-- One pass over the rows.
CREATE TEMP TABLE measured AS
SELECT
  COUNT(*) AS row_count,
  COUNT(*) - (
    SELECT COUNT(*) FROM (
      SELECT 1 AS one FROM stage
      GROUP BY _file_id, _row_number
    ) AS key_values
  ) AS duplicates,
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
  'day',
  '${day}',
  CAST('${day}' AS DATE),
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
    CAST('' AS VARCHAR(127)),
    CAST('duplicateKeys' AS VARCHAR(32)),
    CAST('' AS VARCHAR(256)),
    CAST(duplicates AS DOUBLE PRECISION),
    CAST(row_count AS BIGINT),
    CAST(0 AS DOUBLE PRECISION)
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
