-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- The batch as it would be loaded; the target is not touched.
CREATE TEMP TABLE stage (
  task_id VARCHAR(64),
  event_type VARCHAR(64),
  event_timestamp TIMESTAMP,
  worker_id VARCHAR(32),
  duration_ms BIGINT,
  score DOUBLE PRECISION,
  payload VARCHAR(65535),
  _unknown VARCHAR(65535),
  _file_id VARCHAR(32),
  _row_number BIGINT,
  _batch_id VARCHAR(160)
) DISTKEY (task_id);

-- if parts
COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST;

-- One pass over the rows.
CREATE TEMP TABLE measured AS
SELECT
  COUNT(*) AS row_count,
  COUNT(event_type) AS known_1
FROM stage;

INSERT INTO etl.quality_figures (
  dataset, scope, point, day, column_name, metric, category,
  figure, row_count, deviation, measured_at
)
SELECT
  'task_events',
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
    CAST('event_type' AS VARCHAR(127)),
    CAST('categories' AS VARCHAR(32)),
    CAST(LEFT(named.category, 64) AS VARCHAR(256)),
    CAST(named.category_rows AS DOUBLE PRECISION),
    CAST(measured.known_1 AS BIGINT),
    CAST(0 AS DOUBLE PRECISION)
  FROM (
    SELECT
      event_type AS category,
      COUNT(*) AS category_rows,
      ROW_NUMBER() OVER (
        ORDER BY COUNT(*) DESC, event_type
      ) AS place
    FROM stage
    WHERE event_type IS NOT NULL
    GROUP BY event_type
  ) AS named
  CROSS JOIN measured
  WHERE named.place <= 200
) AS figures
WHERE figure IS NOT NULL;

DROP TABLE measured;

DROP TABLE stage;
