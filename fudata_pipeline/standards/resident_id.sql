-- Resident identity numbers: GB 11643-1999, which also numbers the residence permits of Hong Kong, Macao and Taiwan
-- residents (港澳台居民居住证, since 2018-09-01: regions 810000, 820000, 830000). All is_-macros judge the standard
-- form exactly as given; bring raw text into it with resident_id_18 first. NULL gives NULL.

-- mod_11_2: the check character of ISO 7064 MOD 11-2 for 17 digits given as an integer. The weights 7 9 10 5 8 4 2 1
-- 6 3 7 9 10 5 8 4 2 are powers of 2 mod 11, so the weighted sum is twice the digits read in base 2; and a number n
-- read in base 2 instead of 10 is n - 8 * sum(2^(k-1) * (n // 10^k)): half the divisions of taking digits out.
CREATE OR REPLACE MACRO mod_11_2(n17) AS (
    list_transform([n17], lambda n: substr('10X98765432', CAST(2 * (n - 8 * (
        n // 10 + 2 * (n // 100) + 4 * (n // 1000) + 8 * (n // 10000) + 16 * (n // 100000) + 32 * (n // 1000000)
        + 64 * (n // 10000000) + 128 * (n // 100000000) + 256 * (n // 1000000000) + 512 * (n // 10000000000)
        + 1024 * (n // 100000000000) + 2048 * (n // 1000000000000) + 4096 * (n // 10000000000000)
        + 8192 * (n // 100000000000000) + 16384 * (n // 1000000000000000) + 32768 * (n // 10000000000000000)
        )) % 11 AS BIGINT) + 1, 1))[1]
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

-- is_resident_id: 18 characters, a province of GB/T 2260 (regions below it are not checked: abolished ones stay valid
-- for life), a real birth date 18xx..today, the check character. Placeholders (all-same digits, 1234…) fail these.
-- Give it a column, not a long expression: the argument is mentioned several times.
CREATE OR REPLACE MACRO is_resident_id(t) AS (
    regexp_matches(t, '^((1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71)[0-9]{4}|8[1-3]0000)(18|19|20)[0-9]{9}[0-9X]$')
    AND CASE WHEN t IS NOT NULL THEN has_birth_date(t) END
    AND mod_11_2(try_cast(left(t, 17) AS BIGINT)) = right(t, 1)
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
