-- Travel and residence documents. Forms only, except where a check character exists. Judged as given, after
-- identifier_text. NULL gives NULL.

-- Foreigner's permanent residence card: 3 letters and 12 digits (2017 card), or since 2023-12-01 18 characters
-- 9 + province 2 + nationality 3 + birth date 8 + order 3 + MOD 11-2 check [M-med].
CREATE OR REPLACE MACRO is_permanent_residence_card(t) AS (
    list_transform([t], lambda s:
        regexp_matches(s, '^[A-Z]{3}[0-9]{12}$')
        OR (regexp_matches(s, '^9(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{3}(18|19|20)[0-9]{9}[0-9X]$')
            AND has_birth_date(s)
            AND coalesce(mod_11_2(try_cast(left(s, 17) AS BIGINT)) = right(s, 1), FALSE))
    )[1]
);

-- Passport of the People's Republic of China [M-med].
CREATE OR REPLACE MACRO is_passport_cn(t) AS (regexp_matches(t, '^([EGDSPH][0-9]{8}|E[A-Z][0-9]{7})$'));

-- Mainland travel permit of Hong Kong and Macao residents (回乡证): H or M and 8 digits, older cards with a 2-digit
-- issue number; the card for non-Chinese nationals since 2024-07 has a second letter [M-lo].
CREATE OR REPLACE MACRO is_hk_macao_permit(t) AS (
    regexp_matches(t, '^([HM][0-9]{8}([0-9]{2})?|[HM][A-Z][0-9]{7})$')
);

-- Mainland travel permit of Taiwan residents (台胞证): 8 digits, older ones 10 digits and a letter [M-med].
CREATE OR REPLACE MACRO is_taiwan_permit(t) AS (regexp_matches(t, '^([0-9]{8}|[0-9]{10}[A-Z]?)$'));

-- What of a travel document stays when it is issued again: the permits of Hong Kong and Macao residents keep their letter
-- and 8 digits, older cards add the number of the issue; those of Taiwan residents keep 8 digits likewise [M-med]. Any
-- other document is its own number.
CREATE OR REPLACE MACRO travel_document_holder(t) AS (
    CASE
        WHEN regexp_matches(t, '^[HM][0-9]{10}$') THEN left(t, 9)
        WHEN is_taiwan_permit(t) THEN 'T' || left(t, 8)
        ELSE upper(t)
    END
);
