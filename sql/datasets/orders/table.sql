-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

CREATE TABLE IF NOT EXISTS public.orders (
  order_id BIGINT NOT NULL ENCODE ZSTD,
  status VARCHAR(16) NOT NULL ENCODE ZSTD,
  updated_at TIMESTAMP NOT NULL ENCODE RAW,
  placed_on DATE NOT NULL ENCODE ZSTD,
  customer_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  total DECIMAL(12, 2) NOT NULL ENCODE ZSTD,
  currency VARCHAR(3) NOT NULL ENCODE ZSTD,
  gift BOOLEAN ENCODE ZSTD,
  customer SUPER ENCODE ZSTD,
  items SUPER NOT NULL ENCODE ZSTD,
  _unknown SUPER ENCODE ZSTD,
  _file_id VARCHAR(32) NOT NULL ENCODE ZSTD,
  _row_number BIGINT NOT NULL ENCODE ZSTD,
  _batch_id VARCHAR(160) NOT NULL ENCODE ZSTD,
  PRIMARY KEY (order_id)
) DISTSTYLE KEY DISTKEY (order_id) COMPOUND SORTKEY (updated_at);

CREATE TABLE IF NOT EXISTS etl.guard_orders (batch_id VARCHAR(160));
