-- People: households in housing units, their members by role, and what happens to them by the date ``as_of``.
-- Non-residents stand behind the residents: those who left or died, and those who only work here.
CREATE TABLE region AS SELECT * FROM (VALUES
    ('440304', '广东省深圳市福田区', 0), ('440303', '广东省深圳市罗湖区', 6), ('440305', '广东省深圳市南山区', 5), ('440106', '广东省广州市天河区', 6),
    ('440582', '广东省汕头市潮阳区', 9), ('440981', '广东省高州市', 8), ('441402', '广东省梅州市梅江区', 7), ('441581', '广东省陆丰市', 7),
    ('440883', '广东省吴川市', 6), ('441900', '广东省东莞市', 3), ('445281', '广东省普宁市', 6), ('430102', '湖南省长沙市芙蓉区', 6), ('430481', '湖南省耒阳市', 8),
    ('430523', '湖南省邵阳县', 7), ('430626', '湖南省平江县', 6), ('420106', '湖北省武汉市武昌区', 6), ('421181', '湖北省麻城市', 7), ('420982', '湖北省安陆市', 4),
    ('360102', '江西省南昌市东湖区', 5), ('360781', '江西省瑞金市', 6), ('360982', '江西省樟树市', 4), ('450102', '广西南宁市兴宁区', 6),
    ('450881', '广西桂平市', 7), ('411525', '河南省固始县', 7), ('411627', '河南省太康县', 5), ('510104', '四川省成都市锦江区', 5), ('511623', '四川省邻水县', 5),
    ('500101', '重庆市万州区', 5), ('520102', '贵州省贵阳市南明区', 3), ('522601', '贵州省凯里市', 2), ('350102', '福建省福州市鼓楼区', 3),
    ('350583', '福建省南安市', 4), ('330102', '浙江省杭州市上城区', 2), ('340104', '安徽省合肥市蜀山区', 4), ('341225', '安徽省阜南县', 4),
    ('370102', '山东省济南市历下区', 3), ('210102', '辽宁省沈阳市和平区', 3), ('230102', '黑龙江省哈尔滨市道里区', 3), ('220102', '吉林省长春市南关区', 2),
    ('610102', '陕西省西安市新城区', 4), ('620102', '甘肃省兰州市城关区', 2), ('110101', '北京市东城区', 1), ('310101', '上海市黄浦区', 1),
    ('460105', '海南省海口市秀英区', 2), ('530102', '云南省昆明市五华区', 2), ('140105', '山西省太原市小店区', 2), ('130102', '河北省石家庄市长安区', 2)
) v(region, title, weight);
CREATE TABLE region_pick AS
    SELECT row_number() OVER (ORDER BY region, x) - 1 AS pick, region, title FROM region, range(weight) t(x);

CREATE TABLE household AS
WITH homes AS (
    SELECT house_id, k, CASE WHEN rnd(k, 30) < 0.06 THEN 0
        WHEN rnd(k, 31) < CASE WHEN urban_village THEN 0.38 ELSE 0.14 END THEN 1 WHEN rnd(k, 31) < 0.5 THEN 2
        WHEN rnd(k, 31) < 0.74 THEN 3 WHEN rnd(k, 31) < 0.89 THEN 4 WHEN rnd(k, 31) < 0.96 THEN 5 ELSE 6 END AS wish
    FROM house WHERE house_use = '1'),
reached AS (SELECT *, sum(wish) OVER (ORDER BY house_id) AS upto, sum(wish) OVER () AS whole FROM homes),
counted AS (
    SELECT house_id, k, CAST(round(upto / whole * getvariable('residents')) - round((upto - wish) / whole * getvariable('residents')) AS INTEGER) AS size
    FROM reached)
SELECT CAST(row_number() OVER (ORDER BY house_id) - 1 AS INTEGER) AS household_id, house_id, size, draw(k, 32) AS k, TRUE AS here
FROM counted WHERE size > 0;
-- Behind them: who left, died or only works here, in households of one to three.
INSERT INTO household
    SELECT (SELECT coalesce(max(household_id), 0) FROM household) + 1 + i, CAST(NULL AS INTEGER), 1 + CAST(draw(getvariable('seed'), 'out', i) % 3 AS INTEGER),
        draw(getvariable('seed'), 'outside', i), FALSE
    FROM range(CAST(getvariable('residents') * 0.2 AS BIGINT)) t(i);

CREATE TABLE member AS
WITH heads AS (
    SELECT *, CAST(CASE WHEN rnd(k, 1) < 0.76 THEN 22 + 22 * rnd(k, 2) WHEN rnd(k, 1) < 0.96 THEN 42 + 20 * rnd(k, 2) ELSE 62 + 27 * rnd(k, 2) END AS INTEGER) AS head_age,
        CASE WHEN rnd(k, 3) < 0.62 THEN '1' ELSE '2' END AS head_sex,
        rnd(k, 4) < 0.82 AS couple, rnd(k, 5) < 0.52 AS local_household,
        CAST(draw(k, 6) % (SELECT count(*) FROM region_pick) AS BIGINT) AS pick
    FROM household),
people AS (
    SELECT h.*, CAST(m.m AS INTEGER) AS m, draw(h.k, 40 + m.m) AS pk FROM heads h, range(h.size) m(m)),
roles AS (
    SELECT *, CASE WHEN m = 0 THEN '0' WHEN m = 1 AND couple THEN '1'
        WHEN m IN (2, 3) AND couple AND head_age BETWEEN 24 AND 62 AND rnd(pk, 1) < 0.8 THEN '2' WHEN m = 1 AND head_age BETWEEN 26 AND 55 AND rnd(pk, 1) < 0.5 THEN '2'
        WHEN m >= 3 AND head_age < 58 AND rnd(pk, 2) < 0.45 THEN '3' WHEN rnd(pk, 1) < 0.3 THEN '8' ELSE '9' END AS relation
    FROM people),
aged AS (
    SELECT *, CASE relation WHEN '0' THEN head_age WHEN '1' THEN greatest(21, head_age - 4 + CAST(draw(pk, 2) % 8 AS INTEGER))
        WHEN '2' THEN greatest(0, least(head_age - 22, head_age - 23 - CAST(draw(pk, 2) % 12 AS INTEGER)))
        WHEN '3' THEN least(99, head_age + 22 + CAST(draw(pk, 2) % 10 AS INTEGER))
        ELSE greatest(18, head_age - 8 + CAST(draw(pk, 2) % 14 AS INTEGER)) END AS years,
        CASE relation WHEN '0' THEN head_sex WHEN '1' THEN CASE head_sex WHEN '1' THEN '2' ELSE '1' END
            WHEN '3' THEN CASE WHEN m % 2 = 0 THEN '1' ELSE '2' END ELSE CASE WHEN rnd(pk, 3) < 0.52 THEN '1' ELSE '2' END END AS sex
    FROM roles),
born AS (
    SELECT *, -- a few are born in the nights to come
        CASE WHEN years = 0 AND relation = '2' AND rnd(pk, 4) < 0.04 THEN DATE '2022-11-01' + CAST(draw(pk, 5) % 30 AS INTEGER)
            ELSE DATE '2022-10-31' - CAST(years * 365.25 + draw(pk, 5) % 365 AS INTEGER) END AS birth_date
    FROM aged)
SELECT CAST(row_number() OVER (ORDER BY household_id, m) - 1 AS INTEGER) AS person_id, household_id, house_id, size, here, m, k AS hk, pk AS k,
    relation, sex, birth_date, head_sex, local_household, couple,
    CASE WHEN relation IN ('8', '9') OR relation = '1' THEN CAST(draw(pk, 6) % (SELECT count(*) FROM region_pick) AS BIGINT) ELSE pick END AS pick,
    CASE WHEN rnd(k, 7) < 0.011 THEN CASE WHEN rnd(k, 8) < 0.75 THEN 'hmt' ELSE 'foreign' END ELSE 'mainland' END AS origin,
    rnd(pk, 8) < CASE WHEN local_household THEN 0.93 ELSE 0.12 END AS local
FROM born;

CREATE TABLE identified AS
WITH regions AS (
    SELECT m.*, CASE WHEN origin = 'hmt' THEN (['810000', '810000', '810000', '820000', '830000'])[1 + CAST(draw(hk, 9) % 5 AS INTEGER)]
        WHEN local AND birth_date >= DATE '1995-01-01' THEN (['440304', '440304', '440304', '440303', '440305'])[1 + CAST(draw(m.k, 10) % 5 AS INTEGER)]
        ELSE r.region END AS region, r.region AS home_region, r.title AS home_title
    FROM member m JOIN region_pick r ON r.pick = m.pick),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY region, birth_date, sex ORDER BY person_id) AS nth FROM regions),
seventeen AS (
    SELECT *, CAST(region || strftime(birth_date, '%Y%m%d') || printf('%03d', 2 * (nth + 3) + CASE sex WHEN '1' THEN 1 ELSE 0 END) AS BIGINT) AS n17
    FROM numbered)
SELECT * EXCLUDE (n17, nth), CASE WHEN origin <> 'foreign' THEN CAST(n17 AS VARCHAR) || mod_11_2(n17) END AS resident_id,
    CASE WHEN relation IN ('0', '2') AND head_sex = '1' OR relation = '3' AND sex = '1' THEN made_surname(draw(hk, 11)) ELSE made_surname(draw(k, 11)) END
        || given_name(draw(k, 12), sex) AS name
FROM seventeen;

-- Where and what they are at ``as_of``: moves take whole households.
CREATE TABLE living AS
WITH moved AS (
    SELECT i.*, (SELECT count(*) FROM household WHERE here) AS homes,
        CASE WHEN rnd(hk, 13) < 0.22 THEN DATE '2022-10-31' - CAST(draw(hk, 14) % 1100 AS INTEGER)
            WHEN rnd(hk, 13) < 0.34 THEN DATE '2022-11-01' + CAST(draw(hk, 14) % 30 AS INTEGER) END AS moving,
        CASE WHEN here AND rnd(k, 15) < 0.004 THEN DATE '2022-11-01' + CAST(draw(k, 16) % 30 AS INTEGER)
            WHEN NOT here AND rnd(k, 15) < 0.12 THEN DATE '2022-10-30' - CAST(draw(k, 16) % 1400 AS INTEGER) END AS died,
        CASE WHEN here AND rnd(hk, 17) < 0.03 THEN DATE '2022-11-01' + CAST(draw(hk, 18) % 30 AS INTEGER)
            WHEN NOT here AND rnd(hk, 17) < 0.45 THEN DATE '2022-10-30' - CAST(draw(hk, 18) % 1000 AS INTEGER) END AS leaving,
        CASE WHEN here AND rnd(hk, 19) < 0.03 THEN DATE '2022-11-01' + CAST(draw(hk, 20) % 30 AS INTEGER) END AS arriving
    FROM identified i WHERE birth_date <= CAST(getvariable('as_of') AS DATE)),
housed AS (
    SELECT m.*, o.house_id AS other_house FROM moved m
    LEFT JOIN household o ON o.household_id = CAST(draw(hk, 21) % homes AS INTEGER))
SELECT * EXCLUDE (house_id, homes, other_house, moving, died, leaving, arriving),
    CASE WHEN NOT here AND leaving IS NULL AND died IS NULL THEN NULL WHEN NOT here OR moving > CAST(getvariable('as_of') AS DATE) THEN other_house ELSE house_id END AS house_id,
    CASE WHEN moving <= CAST(getvariable('as_of') AS DATE) THEN other_house END AS old_house_id,
    CASE WHEN moving <= CAST(getvariable('as_of') AS DATE) THEN moving END AS moved_on,
    CASE WHEN died <= CAST(getvariable('as_of') AS DATE) AND died > birth_date THEN died END AS died_on,
    CASE WHEN leaving <= CAST(getvariable('as_of') AS DATE) THEN leaving END AS left_on,
    greatest(birth_date, coalesce(arriving, CASE WHEN moving <= CAST(getvariable('as_of') AS DATE) THEN moving END,
        DATE '2022-10-31' - 1101 - CAST(6000 * pow(rnd(hk, 22), 1.6) AS INTEGER))) AS live_from,
    here AND coalesce(died > CAST(getvariable('as_of') AS DATE), TRUE) AND coalesce(leaving > CAST(getvariable('as_of') AS DATE), TRUE)
        AND coalesce(arriving <= CAST(getvariable('as_of') AS DATE), TRUE) AS resident,
    CAST(date_sub('year', birth_date, CAST(getvariable('as_of') AS DATE)) AS INTEGER) AS age,
    date_sub('year', birth_date, DATE '2022-10-31') AS age_first, coalesce(died > DATE '2022-10-31', TRUE) AS there_first
FROM housed;
DROP TABLE identified; DROP TABLE member;
