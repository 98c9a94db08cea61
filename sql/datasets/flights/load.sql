-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- Loads of this dataset take turns; the guard, not the target, is locked, so that readers never wait.
LOCK TABLE etl.guard_flights;

CREATE TEMP TABLE stage (
  time_hour TIMESTAMP,
  carrier VARCHAR(2),
  flight INTEGER,
  year SMALLINT,
  month SMALLINT,
  day SMALLINT,
  dep_time SMALLINT,
  sched_dep_time SMALLINT,
  dep_delay INTEGER,
  arr_time SMALLINT,
  sched_arr_time SMALLINT,
  arr_delay INTEGER,
  tailnum VARCHAR(8),
  origin VARCHAR(3),
  dest VARCHAR(3),
  air_time SMALLINT,
  distance SMALLINT,
  hour SMALLINT,
  minute SMALLINT,
  _unknown VARCHAR(65535),
  _file_id VARCHAR(32),
  _row_number BIGINT,
  _batch_id VARCHAR(160)
);

-- if parts
COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST;

-- A batch that is known already has nothing to load.
DELETE FROM stage USING etl.loads
WHERE stage._batch_id = etl.loads.batch_id;

-- The batch's files in the order in which they arrived, and earlier ones (-1) whose rows go.
CREATE TEMP TABLE files (
  _file VARCHAR(32),
  _place INTEGER DEFAULT -1,
  _reloaded SMALLINT DEFAULT 0,
  _replaced SMALLINT DEFAULT 1,
  _arrival VARCHAR(128),
  _object VARCHAR(16),
  _version VARCHAR(128)
);

-- if files
INSERT INTO files (_file, _place, _reloaded, _replaced, _arrival, _object) VALUES ${files};

-- Of each file its version of its object: the sequencer, and the file in which its rows came first.
UPDATE files
SET _version = SUBSTRING(
  CASE WHEN STRPOS(_arrival, '#') = 0 THEN _arrival || '#' || _file ELSE _arrival END,
  STRPOS(_arrival, '-') + 1
);

-- if older
INSERT INTO files (_file) VALUES ${older};

-- A batch that is known already has nothing to take out.
DELETE FROM files
WHERE EXISTS (
  SELECT 1 FROM etl.loads
  WHERE batch_id = '${batch}'
);

-- Rows of a version never come where a newer one is in already.
UPDATE files SET _replaced = 1
FROM (
  SELECT
    object,
    MAX(version) AS version
  FROM etl.arrivals
  WHERE
    dataset = 'flights'
    AND object IN (
      SELECT _object FROM files
    )
  GROUP BY object
) AS a
WHERE
  a.object = files._object
  AND a.version > files._version;

-- The version before goes, which may have come since the load was planned.
INSERT INTO files (_file)
SELECT a.file_id
FROM etl.arrivals AS a, files AS f
WHERE
  a.dataset = 'flights'
  AND a.object = f._object
  AND a.version < f._version
  AND f._replaced = 0
  AND a.file_id NOT IN (
    SELECT _file FROM files
  )
QUALIFY RANK() OVER (PARTITION BY a.object ORDER BY a.version DESC) = 1;

INSERT INTO etl.arrivals (file_id, dataset, arrival, object, version)
SELECT
  _file,
  'flights',
  files._arrival || '#' || files._file,
  _object,
  _version
FROM files
WHERE
  _object <> ''
  AND _file NOT IN (
    SELECT file_id FROM etl.arrivals
    WHERE dataset = 'flights'
  );

-- if reloaded
UPDATE etl.arrivals SET object = files._object, version = files._version
FROM files
WHERE
  etl.arrivals.dataset = 'flights'
  AND etl.arrivals.file_id = files._file
  AND etl.arrivals.object IS NULL
  AND files._object <> '';

-- if reloaded
DELETE FROM etl.superseded
WHERE file_id IN (
  SELECT _file FROM files
  WHERE _reloaded = 1
);

-- if reloaded
DELETE FROM etl.load_files
WHERE file_id IN (
  SELECT _file FROM files
  WHERE _reloaded = 1
);

INSERT INTO etl.superseded (batch_id, file_id, row_count)
SELECT
  '${batch}',
  _file_id,
  COUNT(*)
FROM public.flights
WHERE
  _file_id IN (
    SELECT _file FROM files
    WHERE _replaced = 1 AND _reloaded = 0
  )
GROUP BY _file_id;

DELETE FROM public.flights
WHERE _file_id IN (
  SELECT _file FROM files
  WHERE _replaced = 1 OR _reloaded = 1
);

CREATE TEMP TABLE winners AS
SELECT
  time_hour,
  carrier,
  flight,
  year,
  month,
  day,
  dep_time,
  sched_dep_time,
  dep_delay,
  arr_time,
  sched_arr_time,
  arr_delay,
  tailnum,
  origin,
  dest,
  air_time,
  distance,
  hour,
  minute,
  JSON_PARSE(_unknown) AS _unknown,
  _file_id,
  _row_number,
  _batch_id
FROM (
  SELECT
    stage.*,
    ROW_NUMBER() OVER (
      PARTITION BY time_hour, carrier, flight
      ORDER BY _place DESC, _row_number DESC
    ) AS _rank
  FROM stage INNER JOIN files ON stage._file_id = files._file
  WHERE files._replaced = 0
) AS ranked
WHERE _rank = 1;

-- The files that arrived after the first one of the batch.
CREATE TEMP TABLE later AS
SELECT
  file_id,
  arrival
FROM etl.arrivals
WHERE
  dataset = 'flights'
  AND arrival > (
    SELECT MIN(_arrival) FROM files
    WHERE _place >= 0
  );

-- Whatever the order of loading, a row loses to one of a file that arrived later.
DELETE FROM winners USING public.flights, later, files
WHERE
  public.flights.time_hour = winners.time_hour
  AND public.flights.carrier = winners.carrier
  AND public.flights.flight = winners.flight
  AND public.flights._file_id = later.file_id
  AND winners._file_id = files._file
  AND later.arrival > files._arrival || '#' || files._file;

-- Rows of earlier files that this batch replaces.
INSERT INTO etl.superseded (batch_id, file_id, row_count)
SELECT
  '${batch}',
  t._file_id,
  COUNT(*)
FROM public.flights AS t
INNER JOIN winners AS w
  ON
    t.time_hour = w.time_hour
    AND t.carrier = w.carrier
    AND t.flight = w.flight
GROUP BY t._file_id;

MERGE INTO public.flights USING
  winners
  ON
    public.flights.time_hour = winners.time_hour
    AND public.flights.carrier = winners.carrier
    AND public.flights.flight = winners.flight
WHEN MATCHED THEN
  UPDATE
    SET
      year = winners.year,
      month = winners.month,
      day = winners.day,
      dep_time = winners.dep_time,
      sched_dep_time = winners.sched_dep_time,
      dep_delay = winners.dep_delay,
      arr_time = winners.arr_time,
      sched_arr_time = winners.sched_arr_time,
      arr_delay = winners.arr_delay,
      tailnum = winners.tailnum,
      origin = winners.origin,
      dest = winners.dest,
      air_time = winners.air_time,
      distance = winners.distance,
      hour = winners.hour,
      minute = winners.minute,
      _unknown = winners._unknown,
      _file_id = winners._file_id,
      _row_number = winners._row_number,
      _batch_id = winners._batch_id
WHEN NOT MATCHED THEN
  INSERT
    (
      time_hour,
      carrier,
      flight,
      year,
      month,
      day,
      dep_time,
      sched_dep_time,
      dep_delay,
      arr_time,
      sched_arr_time,
      arr_delay,
      tailnum,
      origin,
      dest,
      air_time,
      distance,
      hour,
      minute,
      _unknown,
      _file_id,
      _row_number,
      _batch_id
    )
  VALUES (
    winners.time_hour,
    winners.carrier,
    winners.flight,
    winners.year,
    winners.month,
    winners.day,
    winners.dep_time,
    winners.sched_dep_time,
    winners.dep_delay,
    winners.arr_time,
    winners.sched_arr_time,
    winners.arr_delay,
    winners.tailnum,
    winners.origin,
    winners.dest,
    winners.air_time,
    winners.distance,
    winners.hour,
    winners.minute,
    winners._unknown,
    winners._file_id,
    winners._row_number,
    winners._batch_id
  );

-- What the warehouse itself counts, for the row balance.
INSERT INTO etl.load_files (batch_id, file_id, staged, loaded, superseded)
SELECT
  '${batch}',
  s._file_id,
  s.staged,
  COALESCE(t.loaded, 0),
  s.staged - COALESCE(w.won, 0)
FROM (
  SELECT
    _file_id,
    COUNT(*) AS staged
  FROM stage
  GROUP BY _file_id
) AS s
LEFT JOIN (
  SELECT
    _file_id,
    COUNT(*) AS won
  FROM winners
  GROUP BY _file_id
) AS w ON s._file_id = w._file_id
LEFT JOIN (
  SELECT
    _file_id,
    COUNT(*) AS loaded
  FROM public.flights
  WHERE _batch_id = '${batch}'
  GROUP BY _file_id
) AS t ON s._file_id = t._file_id;

INSERT INTO etl.loads (batch_id, dataset, status, loaded_at)
SELECT
  '${batch}',
  'flights',
  'loaded',
  GETDATE()
WHERE NOT EXISTS (
  SELECT 1 FROM etl.loads
  WHERE batch_id = '${batch}'
);

DROP TABLE files, winners, later, stage;
