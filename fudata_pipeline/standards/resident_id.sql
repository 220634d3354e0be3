-- Citizen identity number, GB 11643-1999, and the residence permits of Hong Kong, Macao and Taiwan residents that use it.

-- Check character of the first 17 digits (ISO 7064 MOD 11-2), as integer arithmetic on the whole number.
CREATE OR REPLACE MACRO resident_id_check(n) AS
    substr('10X98765432', CAST((
        n // 10000000000000000 * 7 + n // 1000000000000000 % 10 * 9 + n // 100000000000000 % 10 * 10
        + n // 10000000000000 % 10 * 5 + n // 1000000000000 % 10 * 8 + n // 100000000000 % 10 * 4
        + n // 10000000000 % 10 * 2 + n // 1000000000 % 10 + n // 100000000 % 10 * 6
        + n // 10000000 % 10 * 3 + n // 1000000 % 10 * 7 + n // 100000 % 10 * 9 + n // 10000 % 10 * 10
        + n // 1000 % 10 * 5 + n // 100 % 10 * 8 + n // 10 % 10 * 4 + n % 10 * 2) % 11 AS BIGINT) + 1, 1);

-- The 18-character form: a valid old number of 15 digits gets its century 19 and check character, others stay.
CREATE OR REPLACE MACRO resident_id_18(t) AS
    CASE WHEN length(identifier_text(t)) = 15 AND regexp_full_match(identifier_text(t), '[0-9]{15}')
        THEN left(identifier_text(t), 6) || '19' || right(identifier_text(t), 9)
            || resident_id_check(CAST(left(identifier_text(t), 6) || '19' || right(identifier_text(t), 9) AS BIGINT))
        ELSE identifier_text(t) END;

-- Birth date in the number; NULL if there is no such day.
CREATE OR REPLACE MACRO resident_id_birth_date(t) AS CAST(try_strptime(substr(t, 7, 8), '%Y%m%d') AS DATE);

-- Sex in the number: '1' male, '2' female (GB/T 2261.1).
CREATE OR REPLACE MACRO resident_id_sex(t) AS CASE WHEN try_cast(substr(t, 17, 1) AS INTEGER) % 2 = 1 THEN '1' ELSE '2' END;

-- Is this a valid number of 18 characters: province (abolished counties included), existing birth date, check character?
CREATE OR REPLACE MACRO is_resident_id(t) AS
    CASE WHEN t IS NULL THEN NULL ELSE coalesce(
        regexp_full_match(t, '(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}(18|19|20)[0-9]{9}[0-9X]')
        AND resident_id_birth_date(t) IS NOT NULL
        AND resident_id_birth_date(t) <= DATE '2100-01-01'
        AND right(t, 1) = resident_id_check(try_cast(left(t, 17) AS BIGINT)), false) END;
