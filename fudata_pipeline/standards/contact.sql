-- Telephone numbers. The is_-macros judge the form that phone_text gives. NULL gives NULL.

-- is_landline: area code and number (Shenzhen 0755 and the 3-digit areas: 8 digits, others 7 or 8), hyphen optional,
-- extension optional.
CREATE OR REPLACE MACRO is_landline(t) AS (
    regexp_matches(t, '^(0(10|2[0-9])-?[2-8][0-9]{7}|0755-?[2-8][0-9]{7}|0([3-689][0-9]{2}|7[0-46-9][0-9]|75[0-46-9])-?[2-8][0-9]{6,7})(-[0-9]{1,6})?$')
);

-- is_mobile: 11 digits, 13..19, and not a placeholder such as 13800138000.
CREATE OR REPLACE MACRO is_mobile(t) AS (regexp_matches(t, '^1[3-9][0-9]{9}$') AND NOT is_placeholder(t));

-- is_phone: a mobile, a landline, a 400/800 service number, or one of Hong Kong, Macao or Taiwan.
CREATE OR REPLACE MACRO is_phone(t) AS (
    CASE WHEN regexp_matches(t, '^1[3-9][0-9]{9}$') THEN NOT is_placeholder(t)
        ELSE is_landline(t) OR regexp_matches(t, '^([48]00[0-9]{7}|[+](85[23][0-9]{8}|886[0-9]{8,9}))$') END
);

-- NULL: neither a mobile, a landline with its area code, nor a number of Hong Kong, Macao or Taiwan.
CREATE OR REPLACE MACRO phone_of_digits(t) AS (
    list_transform([replace(t, 'X', '-')], lambda s: CASE
        WHEN is_landline(s) THEN CASE
            WHEN regexp_matches(s, '^0[12]') THEN left(s, 3) || '-' || substr(s, 4)
            ELSE left(s, 4) || '-' || substr(s, 5) END
        WHEN regexp_matches(s, '^1[3-9][0-9]{9}$') OR is_phone(s) THEN s
    END)[1]
);

-- As dialled inside China: +86 755 8291 8333 is 0755…, +86 138… is 138….
CREATE OR REPLACE MACRO phone_home(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^[+]?86(1[3-9][0-9]{9}|0[0-9]{9,11}(X[0-9]+)?)$') THEN regexp_replace(s, '^[+]?86', '')
        WHEN regexp_matches(s, '^[+]?86[1-9][0-9]{8,10}(X[0-9]+)?$') THEN regexp_replace(s, '^[+]?86', '0')
        ELSE s
    END)[1]
);

-- Without brackets and hyphens; + for a leading 00. NULL: characters that no telephone number has.
CREATE OR REPLACE MACRO phone_digits(t) AS (
    list_transform([regexp_replace(t, '[()-]', '', 'g')], lambda s: CASE
        WHEN regexp_matches(s, '^([+]|00)?[0-9]{7,15}(X[0-9]{1,6})?$') THEN regexp_replace(s, '^00', '+')
    END)[1]
);

-- The extension, however written, after an X: 82918333转801, 82918333-801, 82918333#801.
CREATE OR REPLACE MACRO phone_extension(t) AS (
    list_transform([regexp_replace(t, '转分机|转|分机|EXT[.:]?|#', 'X')], lambda s: CASE
        WHEN regexp_matches(s, '^[0-9()+-]*[0-9]{7,8}-[0-9]{1,6}$')
            THEN regexp_replace(s, '-[0-9]+$', '') || 'X' || regexp_extract(s, '[0-9]+$')
        ELSE s
    END)[1]
);

CREATE OR REPLACE MACRO phone_of_identifier(t) AS (
    list_transform([t], lambda s: coalesce(phone_of_digits(phone_home(phone_digits(phone_extension(s)))), s))[1]
);

-- phone_text: a mobile as 11 digits; a landline as area-number[-extension], 0755-82918333-801; Hong Kong, Macao and
-- Taiwan numbers as +852…; +86/0086/86, blanks, brackets and hyphens go. A landline without its area code and
-- anything unreadable (two numbers in one cell) comes back as identifier_text, for is_phone to refuse. NULL: blank.
CREATE OR REPLACE MACRO phone_text(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^1[3-9][0-9]{9}$') THEN s
        ELSE phone_of_identifier(identifier_text(s))
    END)[1]
);
