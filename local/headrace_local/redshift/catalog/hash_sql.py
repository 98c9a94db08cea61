"""CRC32, FNV_HASH, SOUNDEX and DIFFERENCE as macros of the hidden schema.

https://docs.aws.amazon.com/redshift/latest/dg/hash-functions.html
https://docs.aws.amazon.com/redshift/latest/dg/SOUNDEX.html
"""

from __future__ import annotations

MACROS = """
CREATE OR REPLACE MACRO {hidden}._bytes(value) AS
  list_transform(range(1, strlen(value) + 1), lambda place: CAST(
    16 * (strpos('0123456789ABCDEF', hex(value)[2 * place - 1]) - 1)
    + strpos('0123456789ABCDEF', hex(value)[2 * place]) - 1 AS HUGEINT));
CREATE OR REPLACE MACRO {hidden}._bytes_of_number(value, width) AS
  list_transform(range(0, width), lambda place: (CAST(value AS HUGEINT) >> CAST(8 * place AS INTEGER)) & 255);
CREATE OR REPLACE MACRO {hidden}._signed(value) AS
  CAST(CASE WHEN value >= 9223372036854775808 THEN value - 18446744073709551616 ELSE value END AS BIGINT);
CREATE OR REPLACE MACRO {hidden}._fnv(bytes, seed) AS
  {hidden}._signed(list_reduce(
    list_prepend(CAST(CASE WHEN seed < 0 THEN 18446744073709551616 ELSE 0 END + seed AS HUGEINT), bytes),
    lambda hash, byte: (xor(hash, byte) * CAST(1099511628211 AS HUGEINT)) % CAST(18446744073709551616 AS HUGEINT)));
CREATE OR REPLACE MACRO {hidden}._fnv_of(value, bytes, seed) AS
  CASE WHEN value IS NULL THEN error('FNV_HASH of NULL is not supported by the embedded Redshift')
    ELSE {hidden}._fnv(bytes, seed) END;
CREATE OR REPLACE MACRO {hidden}.crc32(value) AS
  CASE WHEN value IS NOT NULL THEN printf('%08x', CAST(xor(list_reduce(
    list_prepend(CAST(4294967295 AS HUGEINT), {hidden}._bytes(value)),
    lambda crc, byte: list_reduce(
      list_prepend(xor(crc, byte), CAST(range(0, 8) AS HUGEINT[])),
      lambda rest, bit: CASE WHEN rest % 2 = 1 THEN xor(rest // 2, CAST(2197175160 AS HUGEINT)) ELSE rest // 2 END)
    ), CAST(4294967295 AS HUGEINT)) AS BIGINT)) END;
CREATE OR REPLACE MACRO {hidden}._once(digits) AS
  regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    digits, '0+', '0', 'g'), '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'), '5+', '5', 'g'),
    '6+', '6', 'g');
CREATE OR REPLACE MACRO {hidden}._soundex(letters) AS
  CASE WHEN letters = '' THEN '' ELSE letters[1] || rpad(replace({hidden}._once(
    translate(letters[1], 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230120022455012623010202')
    || translate(replace(replace(letters[2:], 'H', ''), 'W', ''),
         'ABCDEFGIJKLMNOPQRSTUVXYZ', '012301202245501262301202'))[2:], '0', ''), 3, '0')[:3] END;
CREATE OR REPLACE MACRO {hidden}.soundex(value) AS
  {hidden}._soundex(regexp_replace(upper(value), '[^A-Z]', '', 'g'));
CREATE OR REPLACE MACRO {hidden}.difference(one, other) AS
  CASE WHEN {hidden}.soundex(one) = '' AND {hidden}.soundex(other) = '' THEN 1
    WHEN {hidden}.soundex(one) = '' OR {hidden}.soundex(other) = '' THEN 0
    ELSE len(list_filter(range(1, 5), lambda place: {hidden}.soundex(one)[place] = {hidden}.soundex(other)[place])) END;
"""
