-- Text as units type it. All macros give NULL for NULL.

-- Cleaned text: full-width letters, digits and punctuation to half-width, blanks of every kind trimmed; NULL if nothing
-- is left. What stands inside the text is kept as it is.
CREATE OR REPLACE MACRO clean_text(t) AS
    nullif(trim(translate(t,
        '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ－．／：，＋＃＊＿＠　' || chr(160) || chr(9) || chr(10) || chr(13) || chr(8203) || chr(65279),
        '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-./:,+#*_@       ')), '');

-- Text of an identifier: cleaned, upper case, without inner blanks and without the apostrophe of spreadsheet exports.
CREATE OR REPLACE MACRO identifier_text(t) AS ltrim(replace(upper(clean_text(t)), ' ', ''), '''');

-- A whole number; thousands separators and a trailing .0 are read, anything else is NULL.
CREATE OR REPLACE MACRO to_integer(t) AS
    CASE WHEN regexp_full_match(clean_text(t), '[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.]0+)?')
        THEN try_cast(regexp_replace(replace(clean_text(t), ',', ''), '[.]0+$', '') AS BIGINT) END;

-- A number with at most two decimals in DECIMAL(18,2); more decimals are rounded half away from zero.
CREATE OR REPLACE MACRO to_decimal(t) AS
    CASE WHEN regexp_full_match(clean_text(t), '[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]+)?')
        THEN try_cast(replace(clean_text(t), ',', '') AS DECIMAL(18, 2)) END;

-- Yes and no in the spellings units use.
CREATE OR REPLACE MACRO to_boolean(t) AS
    CASE WHEN upper(clean_text(t)) IN ('是', '有', '1', 'Y', 'YES', 'TRUE', 'T', '√') THEN true
         WHEN upper(clean_text(t)) IN ('否', '无', '0', 'N', 'NO', 'FALSE', 'F', '×') THEN false END;

-- A placeholder or a test entry where a name or an identifier should stand.
CREATE OR REPLACE MACRO is_placeholder(t) AS
    upper(clean_text(t)) IN ('测试', '测试数据', '无', '未知', '不详', '暂无', '无名', '无名氏', 'TEST', 'NULL', 'NONE', 'N/A', 'NA', '-', '--', '/',
        '123456789012345678', '13800138000')
    OR (length(clean_text(t)) >= 6 AND length(replace(clean_text(t), left(clean_text(t), 1), '')) = 0);
