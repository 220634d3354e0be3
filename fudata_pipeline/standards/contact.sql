-- Telephone numbers of mainland China.

-- Number without +86, blanks and hyphens in a mobile; a landline keeps its area code and gets one hyphen after it.
CREATE OR REPLACE MACRO phone_text(t) AS
    CASE WHEN regexp_full_match(regexp_replace(clean_text(t), '[ -]', '', 'g'), '([+]?86|0086)?1[0-9]{10}')
            THEN right(regexp_replace(clean_text(t), '[ -]', '', 'g'), 11)
        ELSE regexp_replace(replace(clean_text(t), ' ', ''), '^(0[12][0-9]|0[3-9][0-9]{2})([0-9]{7,8})$', '\1-\2') END;

-- A mobile number (11 digits from 13 to 19) or a landline with or without area code.
CREATE OR REPLACE MACRO is_phone(t) AS
    regexp_full_match(t, '1[3-9][0-9]{9}|(0[0-9]{2,3}-)?[2-8][0-9]{6,7}(-[0-9]{1,6})?') AND NOT is_placeholder(t);
