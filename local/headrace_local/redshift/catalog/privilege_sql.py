"""Where owners and grants are kept, and the macros that say who may do what; `owned` is for what is no table.

A table's owner and grants are in its description, so that they are renamed, rolled back and dropped with it.
"""

from __future__ import annotations

MACROS = """
CREATE OR REPLACE MACRO {hidden}._is_superuser(who) AS
  coalesce((SELECT usesuper FROM {hidden}.users WHERE usename = who),
    NOT starts_with(who, 'IAM') OR ends_with(who, ':root'));
CREATE OR REPLACE MACRO {hidden}._may(who, what, object, right_) AS
  {hidden}._is_superuser(who) OR EXISTS (
    SELECT 1 FROM {hidden}.rights AS r WHERE r.kind = what AND r.name = object
      AND (r.owner IN ('', who) OR list_has_any(r.acl, [who || '=' || right_, 'public=' || right_])));
CREATE OR REPLACE MACRO {hidden}._has_privilege(who, what, object, called, right_, rights) AS
  CASE WHEN NOT list_contains(rights, upper(right_)) THEN error('unrecognized privilege type: "' || right_ || '"')
    WHEN NOT EXISTS (SELECT 1 FROM {hidden}.rights AS r WHERE r.kind = what AND r.name = object)
      THEN error(CASE what WHEN 'table' THEN 'relation' ELSE what END || ' "' || called || '" does not exist')
    WHEN who <> getvariable('user') AND NOT starts_with(who, 'IAM')
      AND NOT EXISTS (SELECT 1 FROM {hidden}.users AS u WHERE u.usename = who)
      THEN error('user "' || who || '" does not exist')
    ELSE {hidden}._may(who, what, object, replace(upper(right_), 'TEMPORARY', 'TEMP')) END;
CREATE OR REPLACE MACRO {hidden}.has_table_privilege(who, called, right_) AS
  {hidden}._has_privilege(who, 'table', CASE WHEN contains(called, '.') THEN '' ELSE 'public.' END || lower(called),
    called, right_, ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES']);
CREATE OR REPLACE MACRO {hidden}.has_schema_privilege(who, called, right_) AS
  {hidden}._has_privilege(who, 'schema', lower(called), called, right_, ['CREATE', 'USAGE']);
CREATE OR REPLACE MACRO {hidden}.has_database_privilege(who, called, right_) AS
  {hidden}._has_privilege(who, 'database', CASE WHEN called = getvariable('database') THEN '' ELSE called END,
    called, right_, ['CREATE', 'TEMPORARY', 'TEMP']);
"""
TABLES = """
CREATE TABLE IF NOT EXISTS {hidden}.owned (kind VARCHAR, name VARCHAR, owner VARCHAR, acl VARCHAR[]);
INSERT INTO {hidden}.owned
  SELECT * FROM (VALUES ('database', '', 'rdsdb', ['public=TEMP']),
    ('schema', 'public', 'rdsdb', ['public=CREATE', 'public=USAGE'])) WHERE NOT EXISTS (FROM {hidden}.owned);
CREATE OR REPLACE VIEW {hidden}.rights AS
  SELECT kind, name, owner, acl FROM {hidden}.owned
  UNION ALL
  SELECT 'table', json_extract_string(comment, '$.schema') || '.' || relation_name,
    coalesce(json_extract_string(comment, '$.owner'), ''), CAST(json_extract(comment, '$.acl') AS VARCHAR[])
  FROM {hidden}.descriptions WHERE NOT temporary;
"""
