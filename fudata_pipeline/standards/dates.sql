-- Dates and times as units write them. What cannot be read, or does not exist, is NULL; two-digit years are not guessed.

-- The date and the time of day of a text with separators made uniform: 'YYYY-M-D' and what follows it.
CREATE OR REPLACE MACRO date_text(t) AS
    regexp_replace(regexp_replace(clean_text(t), '^([0-9]{4})\s*[年./-]\s*([0-9]{1,2})\s*[月./-]\s*([0-9]{1,2})日?', '\1-\2-\3'),
        '^([0-9]{4})([0-9]{2})([0-9]{2})(.*)$', '\1-\2-\3\4');

-- Date and time: any date as above followed by nothing (midnight), HH:MM, HH:MM:SS, with blank, T or nothing between
-- (20221001080000), and a spreadsheet's serial number with its fraction of a day.
CREATE OR REPLACE MACRO to_datetime(t) AS
    CASE WHEN regexp_full_match(clean_text(t), '[2-6][0-9]{4}([.][0-9]+)?')
            THEN CASE WHEN try_cast(clean_text(t) AS DOUBLE) BETWEEN 20000 AND 60000
                THEN TIMESTAMP '1899-12-30' + to_seconds(CAST(round(try_cast(clean_text(t) AS DOUBLE) * 86400) AS BIGINT)) END
        WHEN regexp_full_match(date_text(t), '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}')
            THEN try_strptime(date_text(t), '%Y-%m-%d')
        WHEN regexp_full_match(date_text(t), '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T]*[0-9]{1,2}:?[0-9]{2}(:?[0-9]{2}([.][0-9]+)?)?')
            THEN try_strptime(
                regexp_replace(date_text(t), '^([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})[ T]*([0-9]{1,2}):?([0-9]{2}):?([0-9]{2})?([.][0-9]+)?$', '\1 \2:\3:0\4'),
                ['%Y-%m-%d %H:%M:0%S', '%Y-%m-%d %H:%M:0']) END;

-- Date: 20220101, 2022-1-1, 2022/1/1, 2022.1.1, 2022年1月1日, each also with a time (which is dropped), and the serial
-- number of a spreadsheet (days since 1899-12-30; 20000 to 60000, that is 1954 to 2064).
CREATE OR REPLACE MACRO to_date(t) AS
    CASE WHEN regexp_full_match(clean_text(t), '[2-6][0-9]{4}([.][0-9]+)?')
            THEN CASE WHEN try_cast(clean_text(t) AS DOUBLE) BETWEEN 20000 AND 60000
                THEN DATE '1899-12-30' + CAST(floor(try_cast(clean_text(t) AS DOUBLE)) AS INTEGER) END
        ELSE CAST(to_datetime(t) AS DATE) END;
