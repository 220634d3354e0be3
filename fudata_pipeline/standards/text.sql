-- Text: cleaning, numbers, truth values, placeholders.
--
-- Idiom used in all these files: list_transform([x], lambda s: f(s))[1] evaluates x once and f as often as it likes.
-- A macro is text substitution: without it, the argument would be evaluated at every mention (DuckDB shares common
-- expressions in a projection, but not in WHERE, AND or CASE). A lambda body mentions only its own parameter, never
-- a macro parameter, so that a caller's column can never be mistaken for it.

-- clean_text: what a person would read. Outer white space of every kind (incl. tab, CR/LF, U+00A0, U+3000) goes;
-- inner U+00A0/U+3000 become a space; zero-width characters, direction marks and BOM go everywhere; full-width ASCII
-- (U+FF01..U+FF5E, also （），：) becomes half-width. Inner line breaks stay. NULL: blank.
-- Plain ASCII, which most cells are, only needs trimming.
CREATE OR REPLACE MACRO clean_unicode(t) AS (
    list_transform([t], lambda s: CASE
        WHEN NOT regexp_matches(s, '^\s|\s$|[\x{A0}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{3000}\x{FEFF}\x{FF01}-\x{FF5E}]')
            THEN nullif(s, '')
        ELSE nullif(regexp_replace(translate(regexp_replace(regexp_replace(s,
                    '[\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]', '', 'g'),
                    '[\x{A0}\x{3000}]', ' ', 'g'),
                '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～',
                '!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'),
                '^\s+|\s+$', '', 'g'), '')
    END)[1]
);

CREATE OR REPLACE MACRO clean_text(t) AS (
    CASE WHEN strlen(t) = length(t) THEN nullif(trim(t, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
        ELSE clean_unicode(t) END
);

-- needs_cleaning: in a row of cells put together with U+001F between them, is there any that clean_text would change (or
-- one that has a U+001F itself)? One look at the whole row costs a tenth of one at each cell.
CREATE OR REPLACE MACRO needs_cleaning(cells) AS (
    regexp_matches(cells, '^$|^[\t-\r \x1F]|\x1F[\t-\r \x1F]|[\t-\r ]\x1F|[\t-\r \x1F]$|[\x{A0}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{3000}\x{FEFF}\x{FF01}-\x{FF5E}]')
);

-- identifier_text: clean_text, upper case, no inner white space, and without what spreadsheets wrap around an
-- identifier to keep it text: a leading apostrophe, or ="…". NULL: blank.
CREATE OR REPLACE MACRO identifier_text(t) AS (
    CASE WHEN regexp_matches(t, '^[0-9A-Z]+$') THEN t
        ELSE nullif(regexp_replace(upper(clean_text(t)), '^=?["''‘’`]+|"$|\s', '', 'g'), '') END
);

-- plain_number: a number as text without thousand separators. NULL: not a number in positional notation.
CREATE OR REPLACE MACRO plain_number(t) AS (
    list_transform([clean_text(t)], lambda s: CASE
        WHEN regexp_matches(s, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)$') THEN s
        WHEN regexp_matches(s, '^[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$') THEN replace(s, ',', '')
    END)[1]
);

-- to_integer: digits, optional sign, correct thousand separators, optional ".0". NULL: anything else, also
-- 1.2E+05 (a spreadsheet's rounding), units (万, 元, %) and what does not fit 64 bits.
CREATE OR REPLACE MACRO to_integer(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^-?[0-9]+$') THEN try_cast(s AS BIGINT)
        ELSE list_transform([plain_number(s)], lambda n: CASE
            WHEN regexp_matches(n, '^[+-]?[0-9]+([.]0*)?$')
                THEN try_cast(regexp_replace(n, '^[+]|[.]0*$', '', 'g') AS BIGINT)
        END)[1]
    END)[1]
);

-- to_decimal: DECIMAL(18,2). A number that would lose digits (12.345, a coordinate) is refused, not rounded; only
-- the noise of binary fractions (0.30000000000000004, 1.9999999999) is rounded away. NULL: see to_integer.
CREATE OR REPLACE MACRO to_decimal(t) AS (
    list_transform([t], lambda s: CASE
        WHEN regexp_matches(s, '^-?[0-9]+([.][0-9]{1,2})?$') THEN try_cast(s AS DECIMAL(18, 2))
        ELSE list_transform([try_cast(plain_number(s) AS DECIMAL(38, 10))], lambda n: CASE
            WHEN abs(n - round(n, 2)) < 0.0000001 THEN try_cast(n AS DECIMAL(18, 2))
        END)[1]
    END)[1]
);

-- to_double: the same spelling of numbers, any number of decimals (coordinates). NULL: see to_integer.
CREATE OR REPLACE MACRO to_double(t) AS (try_cast(plain_number(t) AS DOUBLE));

-- to_boolean: 是/否, 有/无, 1/0, Y/N, true/false and their like. NULL: anything else.
CREATE OR REPLACE MACRO to_boolean(t) AS (
    list_transform([lower(clean_text(t))], lambda s: CASE
        WHEN s IN ('是', '1', 'y', 'true', 't', 'yes', '有', '真', '对', '√', '✓', '1.0') THEN TRUE
        WHEN s IN ('否', '0', 'n', 'false', 'f', 'no', '无', '假', '错', '×', '✗', '0.0', '没有', '不是') THEN FALSE
    END)[1]
);

-- is_placeholder: what people type to get past a mandatory field, judged as given, after clean_text. The list is ours
-- [A], to be grown from what the units really send; 无名氏 is deliberately not in it (a person whose name is unknown is
-- a person). One expression, because one pass of it costs a fifth of a list and four expressions.
CREATE OR REPLACE MACRO is_placeholder(t) AS (
    regexp_matches(t, '(?i)^\s*(|'
        || '无|没有|暂无|无数据|暂无数据|未知|不详|不明|不清楚|不知道|未填|未填写|待定|待补|待补充|待核实|待查|保密|空|空值|某某|某某某|姓名|名称|无名|略|null|'
        || '[(]null[)]|<null>|none|nil|nan|na|n/a|#n/a|#ref!|#value!|#name[?]|undefined|unknown|default|xx|'
        || 'xxx|xxxx|aaa|abc|asdf|123456|1234567|12345678|123456789|1234567890|12345678901|123456789012345|'
        || '12345678901234567x|123456789012345678|123456789123456789|13800138000|13888888888|13800000000|'
        || '13000000000|12345678910|13912345678|13812345678|'
        || '(测试|test)(数据|用户|人员|账号|姓名|名称|单位|企业|公司|data|user|name)?[-_ 0-9一二三四五六七八九十]*|'
        || '[-—–―_=/\\|.,;:*?!~#+@·、。…×√\s]+|'
        || '0{5,}|1{6,}|2{6,}|3{6,}|4{6,}|5{6,}|6{6,}|7{6,}|8{6,}|9{6,}|x{5,}|'
        || '1?[3-9]?(0{9,}|1{9,}|2{9,}|3{9,}|4{9,}|5{9,}|6{9,}|7{9,}|8{9,}|9{9,}))\s*$')
);
