"""Redshift's functions that take more than a call to say in DuckDB, as macros of the hidden schema.

Their names begin with an underscore where they are not functions of Redshift.
"""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA

MACROS = """
CREATE OR REPLACE MACRO {hidden}._json_valid(document) AS
  json_valid(document) AND NOT CASE WHEN regexp_matches(document, '(?i),\\s*[\\]}]|nan|inf') THEN
    regexp_matches(
      regexp_replace(document, '"(?:[^"\\\\]|\\\\.)*"', '', 'g'), '(?i),\\s*[\\]}]|nan|inf') ELSE false END;
CREATE OR REPLACE MACRO {hidden}._json(document) AS
  CASE WHEN document IS NULL OR {hidden}._json_valid(document) THEN document ELSE error('Invalid JSON format') END;
CREATE OR REPLACE MACRO {hidden}._keys_repeat(document) AS
  len(json_keys(document)) <> len(list_distinct(json_keys(document)));
CREATE OR REPLACE MACRO {hidden}._some_keys_repeat(document) AS
  len(list_filter(list_prepend(document, json_extract(document, '$..*')),
    lambda part: json_type(part) = 'OBJECT' AND {hidden}._keys_repeat(part))) > 0;
CREATE OR REPLACE MACRO {hidden}.json_parse(document) AS
  CASE WHEN document IS NULL THEN NULL
    WHEN NOT {hidden}._json_valid(document) THEN error('Invalid JSON format')
    WHEN NOT contains(document, ':') THEN json(document)
    WHEN CASE WHEN json_type(document) = 'OBJECT' AND NOT contains(substr(document, strpos(document, '{') + 1), '{')
        THEN {hidden}._keys_repeat(json(document)) ELSE {hidden}._some_keys_repeat(json(document)) END
      THEN error('The same attribute name cannot appear in the same object: JSON_PARSE of a repeated key')
    ELSE json(document) END;
CREATE OR REPLACE MACRO {hidden}.initcap(value) AS
  array_to_string(list_transform(
    regexp_extract_all(lower(value), '[^[:punct:][:space:]]+|[[:punct:][:space:]]+'),
    lambda word: upper(word[1]) || word[2:]), '');
CREATE OR REPLACE MACRO {hidden}.add_months(moment, months) AS
  CASE WHEN CAST(moment AS DATE) = last_day(moment)
    THEN last_day(moment + to_months(months)) + (moment - date_trunc('day', moment))
    ELSE moment + to_months(months) END;
CREATE OR REPLACE MACRO {hidden}._add_years(moment, years) AS
  moment + to_years(years)
  + to_days(CASE WHEN day(moment) = 29 AND day(moment + to_years(years)) = 28 THEN 1 ELSE 0 END);
CREATE OR REPLACE MACRO {hidden}.months_between(one, other) AS
  CAST((year(one) - year(other)) * 12 + month(one) - month(other) AS DOUBLE)
  + CASE WHEN day(one) = day(other)
      OR (CAST(one AS DATE) = last_day(one) AND CAST(other AS DATE) = last_day(other)) THEN 0.0::DOUBLE
    ELSE (day(one) - day(other)
      + (epoch(one - date_trunc('day', one)) - epoch(other - date_trunc('day', other))) / 86400.0::DOUBLE)
      / 31.0::DOUBLE END;
CREATE OR REPLACE MACRO {hidden}.next_day(moment, weekday) AS
  CAST(moment AS DATE) + CAST((weekday - isodow(moment) + 6) % 7 + 1 AS INTEGER);
CREATE OR REPLACE MACRO {hidden}._julian_day(moment) AS
  date_diff('day', DATE '2000-01-01', CAST(moment AS DATE)) + 2451545;
CREATE OR REPLACE MACRO {hidden}._week_of_month(moment) AS (day(moment) + 6) // 7;
CREATE OR REPLACE MACRO {hidden}._iso_day_of_year(moment) AS
  lpad(CAST((week(moment) - 1) * 7 + isodow(moment) AS VARCHAR), 3, '0');
CREATE OR REPLACE MACRO {hidden}._part_diff(unit, start, ending) AS
  CAST(date_part(unit, ending) - date_part(unit, start) AS BIGINT);
CREATE OR REPLACE MACRO {hidden}._finite(value, name) AS
  CASE WHEN value IS NULL OR isfinite(value) THEN value ELSE error('value out of range in ' || name) END;
CREATE OR REPLACE MACRO {hidden}._positive(number, called) AS
  CASE WHEN number < 0
    THEN error(called || ' with a negative number of characters is not supported by the embedded Redshift')
    ELSE CAST(number AS BIGINT) END;
CREATE OR REPLACE MACRO {hidden}._filler(value, called) AS
  CASE WHEN value = '' THEN error(called || ' with an empty text is not supported by the embedded Redshift')
    ELSE value END;
CREATE OR REPLACE MACRO {hidden}.chr(code) AS
  CASE WHEN code < 1 THEN error('CHR of less than 1 is not supported by the embedded Redshift') ELSE chr(code) END;
CREATE OR REPLACE MACRO {hidden}._ascii_lower(value) AS
  translate(value, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');
CREATE OR REPLACE MACRO {hidden}._array(document) AS
  CASE WHEN document IS NULL OR json_type(document) = 'ARRAY' THEN document
    ELSE error('the length of what is not an array is not supported by the embedded Redshift') END;
CREATE OR REPLACE MACRO {hidden}._integer(value) AS
  CASE WHEN regexp_full_match(value, '\\s*[+-]?[0-9]+\\s*') THEN trim(value)
    ELSE error('invalid input syntax for integer: "' || value || '"') END;
CREATE OR REPLACE MACRO {hidden}._try_integer(value) AS
  CASE WHEN regexp_full_match(value, '\\s*[+-]?[0-9]+\\s*') THEN trim(value) END;
CREATE OR REPLACE MACRO {hidden}._substring(value, first, size) AS
  CASE WHEN size < 0 THEN error('negative substring length not allowed')
    ELSE substring(value, greatest(first, 1), greatest(first + size - greatest(first, 1), 0)) END;
CREATE OR REPLACE MACRO {hidden}.split_part(value, delimiter, part) AS
  CASE WHEN part < 1 THEN error('field position must be greater than zero')
    WHEN delimiter = '' THEN error('SPLIT_PART with an empty delimiter is not supported by the embedded Redshift')
    ELSE split_part(value, delimiter, part) END;
CREATE OR REPLACE MACRO {hidden}.strtol(value, base) AS
  CASE WHEN trim(value) = '' THEN 0
    WHEN NOT regexp_full_match(trim(value), '[+-]?(0[xX])?[0-9a-zA-Z]+')
      THEN error('The input ' || value || ' is not valid to be converted to base ' || base)
    ELSE CAST((CASE WHEN starts_with(trim(value), '-') THEN -1 ELSE 1 END) * list_reduce(list_transform(
      string_split(regexp_replace(lower(trim(value)), '^[+-]?(0x)?', ''), ''),
      lambda digit: CASE WHEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', digit) > base
        THEN error('The input ' || value || ' is not valid to be converted to base ' || base)
        ELSE CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', digit) - 1 AS HUGEINT) END),
      lambda total, digit: total * base + digit) AS BIGINT) END;
CREATE OR REPLACE MACRO {hidden}.to_number(value) AS
  CASE WHEN contains(value, '-') THEN '-' ELSE '' END || regexp_replace(value, '[^0-9.]', '', 'g');
CREATE OR REPLACE MACRO {hidden}._whole_shown(digits, most, zeros) AS
  CASE WHEN length(digits) > most
      THEN error('TO_CHAR of a number with more digits than its format is not supported by the embedded Redshift')
    ELSE lpad(digits, CAST(greatest(length(digits), zeros) AS INTEGER), '0') END;
CREATE OR REPLACE MACRO {hidden}._digits_shown(number, places, most, zeros, is_grouped) AS
  CASE WHEN number IS NULL THEN NULL
    WHEN abs(round(number, places)) < 1 AND (places > 0 AND zeros = 0 OR number < 0)
      THEN error('TO_CHAR of a number between -1 and 1 with this format is not supported by the embedded Redshift')
    ELSE (CASE WHEN is_grouped
        THEN ltrim(reverse(regexp_replace(reverse({hidden}._whole_shown(
          split_part(CAST(abs(round(number, places)) AS VARCHAR), '.', 1), most, zeros)),
          '([0-9]{3})', '\\1,', 'g')), ',')
        ELSE {hidden}._whole_shown(split_part(CAST(abs(round(number, places)) AS VARCHAR), '.', 1), most, zeros) END)
      || CASE WHEN places = 0 THEN ''
        ELSE '.' || rpad(split_part(CAST(abs(round(number, places)) AS VARCHAR), '.', 2), places, '0') END END;
CREATE OR REPLACE MACRO {hidden}._wide(shown, width) AS
  lpad(shown, CAST(greatest(length(shown), width) AS INTEGER), ' ');
CREATE OR REPLACE MACRO {hidden}._with_sign(number, body, width, style, currency) AS
  currency || CASE style
    WHEN 'S<' THEN {hidden}._wide(CASE WHEN number < 0 THEN '-' ELSE '+' END || body, width + sign(width))
    WHEN '>S' THEN {hidden}._wide(body, width) || CASE WHEN number < 0 THEN '-' ELSE '+' END
    WHEN 'MI' THEN {hidden}._wide(body, width)
      || CASE WHEN number < 0 THEN '-' WHEN width = 0 THEN '' ELSE ' ' END
    WHEN 'PR' THEN {hidden}._wide(CASE WHEN number < 0 THEN '<' ELSE '' END || body, width + sign(width))
      || CASE WHEN number < 0 THEN '>' WHEN width = 0 THEN '' ELSE ' ' END
    ELSE {hidden}._wide(CASE WHEN number < 0 THEN '-' ELSE '' END || body, width + sign(width)) END;
CREATE OR REPLACE MACRO {hidden}._compare(one, other) AS
  CAST(CASE WHEN one < other THEN -1 WHEN one > other THEN 1 WHEN one = other THEN 0 END AS INTEGER);
"""


def macro(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of a macro."""
    function = exp.Anonymous(this=name, expressions=list(arguments))
    return exp.Dot(this=exp.to_identifier(HIDDEN_SCHEMA, quoted=True), expression=function)
