-- Masking (屏蔽, GB/T 37964-2019) for people who may see that a value is there, not the value. What a mask cannot
-- recognise it hides whole. NULL and blank give NULL.

-- mask_name: the surname stays (two characters for the usual compound surnames), each other character is a star.
CREATE OR REPLACE MACRO mask_name(t) AS (
    list_transform([clean_text(t)], lambda s: CASE
        WHEN length(s) = 1 THEN '*'
        WHEN length(s) > 2 AND left(s, 2) IN (
            '欧阳', '太史', '端木', '上官', '司马', '东方', '独孤', '南宫', '万俟', '闻人', '夏侯', '诸葛', '尉迟', '公羊',
            '赫连', '澹台', '皇甫', '宗政', '濮阳', '公冶', '太叔', '申屠', '公孙', '慕容', '仲孙', '钟离', '长孙', '宇文',
            '司徒', '鲜于', '司空', '闾丘', '子车', '亓官', '司寇', '巫马', '公西', '颛孙', '壤驷', '公良', '漆雕', '乐正',
            '宰父', '谷梁', '拓跋', '夹谷', '轩辕', '令狐', '段干', '百里', '呼延', '东郭', '南门', '羊舌', '微生', '梁丘',
            '左丘', '东门', '西门', '第五', '完颜', '纳兰')
            THEN left(s, 2) || repeat('*', length(s) - 2)
        ELSE left(s, 1) || repeat('*', length(s) - 1)
    END)[1]
);

-- mask_resident_id: first 6 and last 4 stay.
CREATE OR REPLACE MACRO mask_resident_id(t) AS (
    list_transform([identifier_text(t)], lambda s: CASE
        WHEN length(s) IN (15, 18) THEN left(s, 6) || repeat('*', length(s) - 10) || right(s, 4)
        ELSE repeat('*', length(s))
    END)[1]
);

-- mask_phone: mobile 138****8000; landline: area code and last 4, 0755-****8333 (without its extension).
CREATE OR REPLACE MACRO mask_phone(t) AS (
    list_transform([phone_text(t)], lambda s: CASE
        WHEN regexp_matches(s, '^1[3-9][0-9]{9}$') THEN left(s, 3) || '****' || right(s, 4)
        WHEN is_landline(s) THEN regexp_extract(s, '^[0-9]{3,4}-') || '****'
            || right(regexp_extract(s, '-[0-9]{7,8}'), 4)
        ELSE repeat('*', length(s))
    END)[1]
);

-- mask_passport: passports and travel permits; first 2 and last 3 stay.
CREATE OR REPLACE MACRO mask_passport(t) AS (
    list_transform([identifier_text(t)], lambda s: CASE
        WHEN length(s) >= 8 THEN left(s, 2) || repeat('*', length(s) - 5) || right(s, 3)
        ELSE repeat('*', length(s))
    END)[1]
);

-- mask_card: bank cards; first 6 and last 4 stay.
CREATE OR REPLACE MACRO mask_card(t) AS (
    list_transform([identifier_text(t)], lambda s: CASE
        WHEN length(s) >= 15 THEN left(s, 6) || repeat('*', length(s) - 10) || right(s, 4)
        ELSE repeat('*', length(s))
    END)[1]
);

-- mask_address: up to the community; without one up to the street, then the district; else nothing stays. Only Chinese
-- characters stay, so that no house number can; 小区, 园区 and their like are no districts.
CREATE OR REPLACE MACRO mask_address(t) AS (
    list_transform([clean_text(t)], lambda s: CASE WHEN s IS NOT NULL THEN coalesce(
        nullif(regexp_extract(s, '^([一-龥]{2,8}省)?([一-龥]{2,6}市)?([一-龥]{1,4}区)?([一-龥]{2,5}街道)?[一-龥]{2,6}社区', 0), ''),
        nullif(regexp_extract(s, '^([一-龥]{2,8}省)?([一-龥]{2,6}市)?([一-龥]{1,4}区)?[一-龥]{2,5}街道', 0), ''),
        nullif(regexp_extract(s, '^([一-龥]{2,8}省)?([一-龥]{2,6}市)?[一-龥]{0,3}[^小园校社厂库住宿片景山]区', 0), ''),
        '') || '****' END)[1]
);

-- mask_plate: first 2 and last 2 stay, 粤B***12.
CREATE OR REPLACE MACRO mask_plate(t) AS (
    list_transform([identifier_text(t)], lambda s: CASE
        WHEN length(s) >= 7 THEN left(s, 2) || repeat('*', length(s) - 4) || right(s, 2)
        ELSE repeat('*', length(s))
    END)[1]
);

-- mask_date: a date, or text of one, as year and month, 1990-03. NULL: not a date.
CREATE OR REPLACE MACRO mask_date(d) AS (left(CAST(to_date(CAST(d AS VARCHAR)) AS VARCHAR), 7));
