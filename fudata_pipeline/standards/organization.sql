-- Unified social credit code, GB 32100-2015.

-- Value of a character in the alphabet without I, O, S, V, Z; -1 for any other.
CREATE OR REPLACE MACRO uscc_value(c) AS strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', c) - 1;

-- Is this a valid code of 18 characters: alphabet, registration authority, check character (MOD 31, weights 3^i)?
CREATE OR REPLACE MACRO is_uscc(t) AS
    CASE WHEN t IS NULL THEN NULL ELSE coalesce(
        regexp_full_match(t, '[1-9ANY][0-9A-HJ-NP-RTUWXY][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}')
        AND uscc_value(substr(t, 18, 1)) = (31 - (
            uscc_value(substr(t, 1, 1)) + uscc_value(substr(t, 2, 1)) * 3 + uscc_value(substr(t, 3, 1)) * 9
            + uscc_value(substr(t, 4, 1)) * 27 + uscc_value(substr(t, 5, 1)) * 19 + uscc_value(substr(t, 6, 1)) * 26
            + uscc_value(substr(t, 7, 1)) * 16 + uscc_value(substr(t, 8, 1)) * 17 + uscc_value(substr(t, 9, 1)) * 20
            + uscc_value(substr(t, 10, 1)) * 29 + uscc_value(substr(t, 11, 1)) * 25 + uscc_value(substr(t, 12, 1)) * 13
            + uscc_value(substr(t, 13, 1)) * 8 + uscc_value(substr(t, 14, 1)) * 24 + uscc_value(substr(t, 15, 1)) * 10
            + uscc_value(substr(t, 16, 1)) * 30 + uscc_value(substr(t, 17, 1)) * 28) % 31) % 31, false) END;
