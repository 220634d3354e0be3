-- Telephone numbers. is_-macros judge the form phone_text gives. NULL gives NULL.

-- phone_compact: without brackets, hyphens and the country code of the mainland; 转 and EXT. become X.
CREATE OR REPLACE MACRO phone_compact(s) AS (
    regexp_replace(regexp_replace(regexp_replace(s, '转|EXT[.]?', 'X'), '[-()—\s]', '', 'g'), '^([+]86|0086|86)([01])', '\2')
);

CREATE OR REPLACE MACRO phone_of_identifier(t) AS (
    list_transform([t], lambda s: list_transform([phone_compact(s)], lambda c: CASE
            WHEN regexp_matches(c, '^1[3-9][0-9]{9}$') THEN c
            WHEN regexp_matches(c, '^0(10|2[0-9])[2-8][0-9]{7}(X[0-9]{1,6})?$')
                THEN left(c, 3) || '-' || replace(substr(c, 4), 'X', '-')
            WHEN regexp_matches(c, '^0755[2-8][0-9]{7}(X[0-9]{1,6})?$|^0[3-9][0-9]{2}[2-8][0-9]{6,7}(X[0-9]{1,6})?$')
                THEN left(c, 4) || '-' || replace(substr(c, 5), 'X', '-')
            WHEN regexp_matches(c, '^[+](85[23][0-9]{8}|8869?[0-9]{8})$') THEN c
            ELSE s
        END)[1])[1]
);

-- phone_text: a mobile as 11 digits; a landline as area-number[-extension], 0755-82918333-801; Hong Kong, Macao and
-- Taiwan numbers as +852…; +86/0086/86, blanks, brackets and hyphens go. A landline without its area code and
-- anything unreadable (two numbers in one cell) is returned as clean text, for is_phone to refuse. NULL: blank.
CREATE OR REPLACE MACRO phone_text(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^1[3-9][0-9]{9}$') THEN s
        ELSE phone_of_identifier(identifier_text(s))
    END)[1]
);

-- is_mobile, is_landline, is_phone: in the form phone_text gives, and not a placeholder.
CREATE OR REPLACE MACRO is_mobile(t) AS (regexp_matches(t, '^1[3-9][0-9]{9}$') AND NOT is_placeholder(t));

CREATE OR REPLACE MACRO is_landline(t) AS (regexp_matches(t, '^0[0-9]{2,3}-[2-8][0-9]{6,7}(-[0-9]{1,6})?$'));

CREATE OR REPLACE MACRO is_phone(t) AS (
    (regexp_matches(t, '^1[3-9][0-9]{9}$|^0[0-9]{2,3}-[2-8][0-9]{6,7}(-[0-9]{1,6})?$|^[+](85[23][0-9]{8}|8869?[0-9]{8})$'))
    AND NOT is_placeholder(t)
);
