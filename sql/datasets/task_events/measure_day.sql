-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- The rows that came on the day and are still there.
CREATE TEMP TABLE stage AS
SELECT
  task_id,
  event_type,
  _file_id,
  _row_number,
  _batch_id
FROM public.task_events
WHERE _batch_id IN (
  SELECT batch_id FROM etl.loads
  WHERE
    dataset = 'task_events'
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
      GROUP BY task_id
    ) AS key_values
  ) AS duplicates,
  COUNT(event_type) AS known_1
FROM stage;

INSERT INTO etl.quality_figures (
  dataset, scope, point, day, column_name, metric, category,
  figure, row_count, deviation, measured_at
)
SELECT
  'task_events',
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
