-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.

CREATE MATERIALIZED VIEW public.task_events_by_hour
SORTKEY (event_hour)
AUTO REFRESH NO
AS
SELECT
  event_type,
  DATE_TRUNC('hour', event_timestamp) AS event_hour,
  COUNT(*) AS events,
  SUM(duration_ms) AS duration_ms
FROM public.task_events
GROUP BY event_type, DATE_TRUNC('hour', event_timestamp);
