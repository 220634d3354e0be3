-- Numbers of organizations. Judged as given, after identifier_text. NULL gives NULL.

CREATE OR REPLACE MACRO uscc_value(c) AS (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', c) - 1);

-- Weighted sum of characters 2..8, which are digits: weights 3 9 27 19 26 16 17.
CREATE OR REPLACE MACRO uscc_head_sum(n7) AS (
    list_transform([n7], lambda n: 3 * (n // 1000000) + 9 * (n // 100000 % 10) + 27 * (n // 10000 % 10)
        + 19 * (n // 1000 % 10) + 26 * (n // 100 % 10) + 16 * (n // 10 % 10) + 17 * (n % 10))[1]
);

-- is_uscc: unified social credit code, GB 32100-2015. 31 characters without I O S V Z; registration authority and
-- category (1 机构编制 2 外交 3 司法 4 文化 5 民政 6 旅游 7 宗教 8 工会 9 市监 A 军委编办 N 农业 Y 其他 …),
-- region, organization code, check character: weights 3^i mod 31. The argument is mentioned often, because characters
-- of a column are faster to take than those of a lambda parameter: give it a column, not a long expression.
CREATE OR REPLACE MACRO is_uscc(t) AS (
    regexp_matches(t, '^[1-9ANY][1-59][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$')
    AND (uscc_head_sum(try_cast(substr(t, 2, 7) AS INTEGER))
        + uscc_value(left(t, 1))
        + 20 * uscc_value(substr(t, 9, 1)) + 29 * uscc_value(substr(t, 10, 1)) + 25 * uscc_value(substr(t, 11, 1))
        + 13 * uscc_value(substr(t, 12, 1)) + 8 * uscc_value(substr(t, 13, 1)) + 24 * uscc_value(substr(t, 14, 1))
        + 10 * uscc_value(substr(t, 15, 1)) + 30 * uscc_value(substr(t, 16, 1)) + 28 * uscc_value(substr(t, 17, 1))
        + uscc_value(right(t, 1))) % 31 = 0
);

-- uscc_org_code: the organization code inside a valid USCC (characters 9..17). NULL: not a valid USCC.
CREATE OR REPLACE MACRO uscc_org_code(t) AS (CASE WHEN is_uscc(t) THEN substr(t, 9, 9) END);

CREATE OR REPLACE MACRO base36(c) AS (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', c) - 1);

-- is_org_code: organization code, GB 11714-1997, with or without the hyphen before its check character.
CREATE OR REPLACE MACRO is_org_code(t) AS (
    list_transform([t], lambda s:
        regexp_matches(s, '^[0-9A-Z]{8}-?[0-9X]$')
        AND substr('0X987654321', CAST((3 * base36(substr(s, 1, 1)) + 7 * base36(substr(s, 2, 1))
            + 9 * base36(substr(s, 3, 1)) + 10 * base36(substr(s, 4, 1)) + 5 * base36(substr(s, 5, 1))
            + 8 * base36(substr(s, 6, 1)) + 4 * base36(substr(s, 7, 1)) + 2 * base36(substr(s, 8, 1))) % 11 AS BIGINT)
            + 1, 1) = right(s, 1)
    )[1]
);

-- hybrid_sum: ISO 7064 hybrid systems MOD m+1,m: the running product after all characters of t; with the check
-- character's value added it must be 1 mod m.
CREATE OR REPLACE MACRO hybrid_sum(t, m) AS (
    list_reduce(
        list_transform(string_split(t, ''), lambda c: {'p': CAST(base36(c) AS BIGINT), 'm': CAST(m AS BIGINT)}),
        lambda a, d: {'p': CASE WHEN (a.p + d.p) % d.m = 0 THEN d.m ELSE (a.p + d.p) % d.m END * 2 % (d.m + 1), 'm': d.m},
        {'p': CAST(m AS BIGINT), 'm': CAST(m AS BIGINT)}).p
);

-- is_registration_no: 15-digit business registration number (工商注册号), ISO 7064 MOD 11,10 over 14 digits.
CREATE OR REPLACE MACRO is_registration_no(t) AS (
    list_transform([t], lambda s: CASE
        WHEN s IS NULL THEN NULL
        WHEN NOT regexp_matches(s, '^[0-9]{15}$') THEN FALSE
        ELSE (hybrid_sum(left(s, 14), 10) + CAST(right(s, 1) AS BIGINT)) % 10 = 1
    END)[1]
);
