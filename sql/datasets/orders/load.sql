-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

-- Loads of this dataset take turns; the guard, not the target, is locked, so that readers never wait.
LOCK TABLE etl.guard_orders;

CREATE TEMP TABLE stage (
  order_id BIGINT,
  status VARCHAR(16),
  updated_at TIMESTAMP,
  placed_on DATE,
  customer_id VARCHAR(32),
  total DECIMAL(12, 2),
  currency VARCHAR(3),
  gift BOOLEAN,
  customer VARCHAR(65535),
  items VARCHAR(65535),
  _unknown VARCHAR(65535),
  _file_id VARCHAR(32),
  _row_number BIGINT,
  _batch_id VARCHAR(160)
) DISTKEY (order_id);

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
    dataset = 'orders'
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
  a.dataset = 'orders'
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
  'orders',
  files._arrival || '#' || files._file,
  _object,
  _version
FROM files
WHERE
  _object <> ''
  AND _file NOT IN (
    SELECT file_id FROM etl.arrivals
    WHERE dataset = 'orders'
  );

-- if reloaded
UPDATE etl.arrivals SET object = files._object, version = files._version
FROM files
WHERE
  etl.arrivals.dataset = 'orders'
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
FROM public.orders
WHERE
  _file_id IN (
    SELECT _file FROM files
    WHERE _replaced = 1 AND _reloaded = 0
  )
GROUP BY _file_id;

DELETE FROM public.orders
WHERE _file_id IN (
  SELECT _file FROM files
  WHERE _replaced = 1 OR _reloaded = 1
);

CREATE TEMP TABLE winners AS
SELECT
  order_id,
  status,
  updated_at,
  placed_on,
  customer_id,
  total,
  currency,
  gift,
  JSON_PARSE(customer) AS customer,
  JSON_PARSE(items) AS items,
  JSON_PARSE(_unknown) AS _unknown,
  _file_id,
  _row_number,
  _batch_id
FROM (
  SELECT
    stage.*,
    ROW_NUMBER() OVER (
      PARTITION BY order_id
      ORDER BY updated_at DESC, _place DESC, _row_number DESC
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
  dataset = 'orders'
  AND arrival > (
    SELECT MIN(_arrival) FROM files
    WHERE _place >= 0
  );

-- A row older than the one in public.orders loses to it.
DELETE FROM winners USING public.orders
WHERE
  public.orders.order_id = winners.order_id
  AND public.orders.updated_at > winners.updated_at;

-- Whatever the order of loading, a row loses to one of a file that arrived later.
DELETE FROM winners USING public.orders, later, files
WHERE
  public.orders.order_id = winners.order_id
  AND public.orders.updated_at = winners.updated_at
  AND public.orders._file_id = later.file_id
  AND winners._file_id = files._file
  AND later.arrival > files._arrival || '#' || files._file;

-- Rows of earlier files that this batch replaces.
INSERT INTO etl.superseded (batch_id, file_id, row_count)
SELECT
  '${batch}',
  t._file_id,
  COUNT(*)
FROM public.orders AS t
INNER JOIN winners AS w
  ON
    t.order_id = w.order_id
GROUP BY t._file_id;

MERGE INTO public.orders USING
  winners
  ON
    public.orders.order_id = winners.order_id
WHEN MATCHED THEN
  UPDATE
    SET
      status = winners.status,
      updated_at = winners.updated_at,
      placed_on = winners.placed_on,
      customer_id = winners.customer_id,
      total = winners.total,
      currency = winners.currency,
      gift = winners.gift,
      customer = winners.customer,
      items = winners.items,
      _unknown = winners._unknown,
      _file_id = winners._file_id,
      _row_number = winners._row_number,
      _batch_id = winners._batch_id
WHEN NOT MATCHED THEN
  INSERT
    (
      order_id,
      status,
      updated_at,
      placed_on,
      customer_id,
      total,
      currency,
      gift,
      customer,
      items,
      _unknown,
      _file_id,
      _row_number,
      _batch_id
    )
  VALUES (
    winners.order_id,
    winners.status,
    winners.updated_at,
    winners.placed_on,
    winners.customer_id,
    winners.total,
    winners.currency,
    winners.gift,
    winners.customer,
    winners.items,
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
  FROM public.orders
  WHERE _batch_id = '${batch}'
  GROUP BY _file_id
) AS t ON s._file_id = t._file_id;

INSERT INTO etl.loads (batch_id, dataset, status, loaded_at)
SELECT
  '${batch}',
  'orders',
  'loaded',
  GETDATE()
WHERE NOT EXISTS (
  SELECT 1 FROM etl.loads
  WHERE batch_id = '${batch}'
);

DROP TABLE files, winners, later, stage;
