-- Dates and times (GB/T 7408 / ISO 8601 and the spellings met in deliveries). Local time, Asia/Shanghai.
-- A year is 1000..2999, or 9999 (registers' "no end"). Two-digit years and day-first or month-first dates are not
-- guessed. NULL: anything else, and impossible dates and times.

-- 15时4分5秒, 3点, 3点20 and 3:20 as h:m:s
CREATE OR REPLACE MACRO clock_of_chinese(c) AS (
    list_transform([rtrim(regexp_replace(replace(c, '秒', ''), '[时点分]', ':', 'g'), ':')], lambda h:
        CASE WHEN contains(h, ':') THEN h ELSE h || ':00' END
    )[1]
);

-- The two parts as text; d is one of the date spellings above, c is the rest (blank: midnight).
CREATE OR REPLACE MACRO datetime_of_parts(d, c) AS (
    list_transform([{'day': CASE WHEN length(d) = 8 AND regexp_matches(d, '^[0-9]{8}$')
                            THEN left(d, 4) || '-' || substr(d, 5, 2) || '-' || substr(d, 7, 2)
                            ELSE regexp_replace(replace(d, '日', ''), '[/.年月]', '-', 'g') END,
                     'clock': CASE WHEN c = '' THEN '0:00' ELSE c END}], lambda p: CASE
        WHEN regexp_matches(p.clock, '^[0-9]{1,2}(:[0-9]{1,2}){1,2}([.][0-9]+)?( ?([+]08:?(00)?|Z|[+]00:?00))?$')
            THEN try_cast(p.day || ' ' || regexp_replace(p.clock, ' ?([+].*|Z)$', '') AS TIMESTAMP)
                 + CASE WHEN regexp_matches(p.clock, '(Z|[+]00:?00)$') THEN INTERVAL 8 HOUR ELSE INTERVAL 0 HOUR END
        WHEN regexp_matches(p.clock, '^[0-9]{1,2}[时点]([0-9]{1,2}分?([0-9]{1,2}秒)?)?$')
            THEN try_cast(p.day || ' ' || clock_of_chinese(p.clock) AS TIMESTAMP)
        WHEN regexp_matches(p.clock, '^[上下]午 ?(0?[1-9]|1[0-2])(:[0-9]{1,2}){0,2}$|^[上下]午 ?(0?[1-9]|1[0-2])[时点]([0-9]{1,2}分?([0-9]{1,2}秒)?)?$')
            THEN try_cast(p.day || ' ' || clock_of_chinese(regexp_replace(p.clock, '^[上下]午 ?', '')) AS TIMESTAMP)
                 + CASE WHEN regexp_matches(p.clock, '^下午 ?12') THEN INTERVAL 0 HOUR
                        WHEN regexp_matches(p.clock, '^下午') THEN INTERVAL 12 HOUR
                        WHEN regexp_matches(p.clock, '^上午 ?12') THEN INTERVAL (-12) HOUR
                        ELSE INTERVAL 0 HOUR END
    END)[1]
);

CREATE OR REPLACE MACRO datetime_of_clean_text(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^([12][0-9]{3}|9999)[0-9]{4}([0-9]{4}|[0-9]{6})?$') THEN try_cast(
            left(s, 4) || '-' || substr(s, 5, 2) || '-' || substr(s, 7, 2) || ' '
            || substr(s || '000000', 9, 2) || ':' || substr(s || '000000', 11, 2) || ':' || substr(s || '000000', 13, 2)
            AS TIMESTAMP)
        WHEN regexp_matches(s, '^[2-6][0-9]{4}([.][0-9]+)?$') AND try_cast(s AS DOUBLE) BETWEEN 20000 AND 60000
            THEN TIMESTAMP '1899-12-30' + to_seconds(CAST(round(try_cast(s AS DOUBLE) * 86400) AS BIGINT))
        WHEN regexp_matches(s, '^([12][0-9]{3}|9999)([0-9]{4}|[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?)([ T]|上|下|日|$)')
            THEN datetime_of_parts(
                regexp_extract(s, '^([0-9]{8}|[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?)'),
                regexp_replace(s, '^([0-9]{8}|[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?)[ T]*', ''))
    END)[1]
);

-- to_datetime: 2022-1-1, 2022/1/1, 2022.1.1, 2022年1月1日, 20220101, each with an optional time (15:04, 15:04:05.6,
-- 15时4分5秒, 下午3点, 下午 3:04, after a blank or T; offset +08:00, or Z which is moved to local time); 12 digits
-- yyyymmddHHMM; 14 digits yyyymmddHHMMSS; Excel serial days 20000..60000 (1900 system), fraction = time to the second.
CREATE OR REPLACE MACRO to_datetime(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^([12][0-9]{3}|9999)-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?$')
            THEN try_cast(s AS TIMESTAMP)
        ELSE datetime_of_clean_text(upper(clean_text(s)))
    END)[1]
);

-- to_date: what to_datetime reads, without its time of day.
CREATE OR REPLACE MACRO to_date(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^([12][0-9]{3}|9999)-[0-9]{1,2}-[0-9]{1,2}$') THEN try_cast(s AS DATE)
        ELSE CAST(to_datetime(s) AS DATE)
    END)[1]
);
