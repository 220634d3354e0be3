-- Resident identity numbers: GB 11643-1999, which also numbers the residence permits of Hong Kong, Macao and Taiwan
-- residents (港澳台居民居住证, since 2018-09-01: regions 810000, 820000, 830000). All is_-macros judge the standard
-- form exactly as given; bring raw text into it with resident_id_18 first. NULL gives NULL.

-- residue_11: the decimal digits of n (up to 18), read in base 2, mod 11. A number read in base 2 instead of 10 is
-- n - 8 * sum(2^(k-1) * (n // 10^k)): half the divisions of taking digits out. With the powers of 2 taken mod 11
-- (2^5 = -1), quotients five places apart share one multiplication. The sum stays positive. The argument is mentioned
-- often: give it a column or a lambda parameter.
CREATE OR REPLACE MACRO residue_11(n) AS (
    (n + n // 1000 - n // 100000000 + n // 10000000000000
        + 2 * (n // 10000 - n // 1000000000 + n // 100000000000000
        + 2 * (n // 100000 - n // 10000000000 + n // 1000000000000000
        + 2 * (n // 1000000 - n // 10 - n // 100000000000 + n // 10000000000000000
        + 2 * (n // 10000000 - n // 100 - n // 1000000000000 + n // 100000000000000000))))) % 11
);

-- mod_11_2: the check character of ISO 7064 MOD 11-2 for 17 digits given as an integer. The weights 7 9 10 5 8 4 2 1
-- 6 3 7 9 10 5 8 4 2 are powers of 2 mod 11, so the weighted sum is twice the digits read in base 2.
CREATE OR REPLACE MACRO mod_11_2(n17) AS (
    list_transform([n17], lambda n: substr('10X98765432', CAST(2 * residue_11(n) % 11 AS BIGINT) + 1, 1))[1]
);

-- has_birth_date: characters 7..14 are a real date not after today.
CREATE OR REPLACE MACRO has_birth_date(id) AS (
    coalesce(try_strptime(substr(id, 7, 8), '%Y%m%d') <= current_date, FALSE)
);

-- resident_id_18: identifier_text; a 15-digit number of before 1999 is widened by its century (order codes 996..999
-- were kept for those born in the 1800s) and its check character. Anything else is returned as it is. NULL: blank.
CREATE OR REPLACE MACRO resident_id_18(t) AS (
    CASE WHEN regexp_matches(t, '^[0-9]{17}[0-9X]$') THEN t
        ELSE list_transform([identifier_text(t)], lambda s: CASE
            WHEN length(s) = 15 AND regexp_matches(s, '^[1-9][0-9]{14}$') THEN list_transform(
                [left(s, 6) || CASE WHEN right(s, 3) >= '996' THEN '18' ELSE '19' END || substr(s, 7)],
                lambda w: w || mod_11_2(try_cast(w AS BIGINT)))[1]
            ELSE s
        END)[1] END
);

-- is_calendar_date: an integer yyyymmdd is a date of the Gregorian calendar, 1800 to 9999. Nine days in ten need no more than the
-- first test.
CREATE OR REPLACE MACRO is_calendar_date(n8) AS (
    list_transform([n8], lambda d: d BETWEEN 18000101 AND 99991231 AND d // 100 % 100 BETWEEN 1 AND 12
        AND CASE WHEN d % 100 BETWEEN 1 AND 28 THEN TRUE
            WHEN d // 100 % 100 = 2 THEN
                d % 100 = 29 AND d // 10000 % 4 = 0 AND (d // 10000 % 100 <> 0 OR d // 10000 % 400 = 0)
            WHEN d // 100 % 100 IN (4, 6, 9, 11) THEN d % 100 BETWEEN 29 AND 30
            ELSE d % 100 BETWEEN 29 AND 31 END)[1]
);

-- is_resident_id: 18 characters, a province of GB/T 2260 (regions below it are not checked: abolished ones stay valid
-- for life), a real birth date 18xx..today, the check character. Placeholders (all-same digits, 1234…) fail these.
-- Give it a column, not a long expression: the argument is mentioned several times.
-- How: the characters are one integer n of 18 digits, an X counting 0. Text that the cast takes for a number in some
-- other notation has a letter or fewer digits. Provinces are bits p - 11 of one constant (11-15, 21-23, 31-37,
-- 41-46, 50-54, 61-65, 71). All 18 digits read in base 2 are 1 mod 11 (ISO 7064), or 2 without the 10 of an X. That
-- residue goes above the birth date (27 bits, and one to spare for dates to come), so that a single difference, mentioned
-- once, judges both: wanted residue and today, minus what is there, must be within 27 bits.
CREATE OR REPLACE MACRO is_resident_id(t) AS (
    length(t) = 18 AND NOT contains(t, 'e') AND NOT contains(t, 'E')
        AND coalesce((CASE WHEN suffix(t, 'X') THEN 536870912 ELSE 268435456 END
            + year(current_date) * 10000 + month(current_date) * 100 + day(current_date)
            - list_transform(
                [CASE WHEN suffix(t, 'X') THEN 10 * try_cast(left(t, 17) AS BIGINT) ELSE try_cast(t AS BIGINT) END],
                lambda n: CASE
                    WHEN (n >= 110000000000000000 AND n < 720000000000000000
                            AND (1187841511928110111 >> (n // 10000000000000000 - 11)) & 1 = 1
                            OR n // 1000000000000 IN (810000, 820000, 830000))
                        AND is_calendar_date(CAST(n // 10000 % 100000000 AS INTEGER))
                    THEN n // 10000 % 100000000 + 268435456 * residue_11(n)
                END)[1]) & -134217728 = 0, CASE WHEN t IS NOT NULL THEN FALSE END)
);

-- The parts of an 18-character number, whose check character is not looked at. NULL: not of that form.
CREATE OR REPLACE MACRO resident_id_birth_date(t) AS (
    CASE WHEN regexp_matches(t, '^[0-9]{17}[0-9X]$') THEN CAST(try_strptime(substr(t, 7, 8), '%Y%m%d') AS DATE) END
);

-- '1' male, '2' female (GB/T 2261.1): the 17th digit is odd for men.
CREATE OR REPLACE MACRO resident_id_sex(t) AS (
    CASE WHEN regexp_matches(t, '^[0-9]{17}[0-9X]$')
        THEN CASE WHEN substr(t, 17, 1) IN ('1', '3', '5', '7', '9') THEN '1' ELSE '2' END END
);

-- GB/T 2260 region where the number was first given out: not where the person lives.
CREATE OR REPLACE MACRO resident_id_region(t) AS (
    list_transform([t], lambda s: CASE WHEN regexp_matches(s, '^[0-9]{17}[0-9X]$') THEN left(s, 6) END)[1]
);
