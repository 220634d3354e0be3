-- Electronic licences.

-- is_electronic_licence: GB/T 36904-2018 identifier 1.2.156.3005.2.<type 21>.<issuer USCC 18>.<serial>.<version 3>.
-- <check>; the check is ISO 7064 MOD 37,36 over the four parts written together. The standard's serial has 20
-- characters [M-med]; issued licences have 11 to 32, so any such length is taken. NULL gives NULL.
CREATE OR REPLACE MACRO is_electronic_licence(t) AS (
    list_transform([t], lambda s: CASE
        WHEN s IS NULL THEN NULL
        WHEN NOT regexp_matches(s, '^1[.]2[.]156[.]3005[.]2[.][0-9A-Z]{21}[.][0-9A-Z]{18}[.][0-9A-Z]{1,32}[.][0-9]{3}[.][0-9A-Z]$')
            THEN FALSE
        ELSE mod_37_36(regexp_replace(s, '^1[.]2[.]156[.]3005[.]2|[.][0-9A-Z]$|[.]', '', 'g')) = right(s, 1)
    END)[1]
);

-- mod_37_36: check character of ISO 7064 MOD 37,36 for digits and capital letters.
CREATE OR REPLACE MACRO mod_37_36(t) AS (
    substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', (37 - hybrid_sum(t, 36)) % 36 + 1, 1)
);
