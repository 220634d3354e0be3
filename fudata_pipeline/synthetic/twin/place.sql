-- Buildings and housing units. Kinds of building by what a grid is: urban village, old walk-ups, new estates, offices.
-- The houses of a building follow its kind; all together they are the district's figure at the scale asked for.
CREATE TABLE building AS
WITH drawn AS (
    SELECT s.*, g.grid_code, g.grid_number, g.grid_name, g.community_code, c.community, c.street_code, t.street,
        draw(getvariable('seed'), 'building', s.building_id) AS k, draw(getvariable('seed'), 'grid', s.grid_id) AS gk
    FROM site s JOIN grid g USING (grid_id) JOIN community c USING (community_code) JOIN street t USING (street_code)),
kinds AS (
    SELECT *, CASE
        WHEN rnd(gk, 1) < 0.22 THEN CASE WHEN rnd(k, 1) < 0.9 THEN 'village' ELSE 'shop' END
        WHEN rnd(gk, 1) < 0.57 THEN CASE WHEN rnd(k, 1) < 0.78 THEN 'walkup' WHEN rnd(k, 1) < 0.9 THEN 'tower' ELSE 'public' END
        WHEN rnd(gk, 1) < 0.93 THEN CASE WHEN rnd(k, 1) < 0.86 THEN 'tower' WHEN rnd(k, 1) < 0.93 THEN 'office' ELSE 'shop' END
        ELSE CASE WHEN rnd(k, 1) < 0.62 THEN 'office' WHEN rnd(k, 1) < 0.85 THEN 'tower' ELSE 'factory' END END AS kind
    FROM drawn),
sized AS (
    SELECT *, CASE kind WHEN 'village' THEN between_int(k, 2, 5, 9) WHEN 'walkup' THEN between_int(k, 2, 6, 8)
            WHEN 'tower' THEN between_int(k, 2, 11, 34) WHEN 'office' THEN between_int(k, 2, 8, 48)
            WHEN 'factory' THEN between_int(k, 2, 3, 7) WHEN 'public' THEN between_int(k, 2, 2, 9) ELSE between_int(k, 2, 1, 5) END AS floors_ground,
        CASE kind WHEN 'village' THEN 20 + 18 * rnd(k, 3) WHEN 'walkup' THEN 24 + 36 * rnd(k, 3)
            WHEN 'tower' THEN 60 + 130 * pow(rnd(k, 3), 1.5) WHEN 'office' THEN 30 + 160 * pow(rnd(k, 3), 2)
            WHEN 'factory' THEN 6 + 10 * rnd(k, 3) WHEN 'public' THEN 2 + 3 * rnd(k, 3) ELSE 4 + 10 * rnd(k, 3) END AS weight
    FROM kinds),
reached AS (
    SELECT *, sum(weight) OVER (ORDER BY building_id) AS upto, sum(weight) OVER () AS whole FROM sized),
counted AS (
    SELECT *, CAST(round(upto / whole * getvariable('houses')) - round((upto - weight) / whole * getvariable('houses')) AS INTEGER) AS building_houses
    FROM reached),
named AS (
    SELECT *, number // 7 AS estate_number,
        -- Coded when it was surveyed: a few buildings still bear the code of a community that it belonged to then.
        CASE WHEN rnd(k, 4) < 0.03 THEN left(community_code, 9)
            || printf('%03d', 900 + CAST(draw(k, 5) % 12 AS INTEGER)) ELSE community_code END AS code_community,
        (['福华', '福荣', '红荔', '彩田', '梅林', '景田', '新洲', '福强', '爱国', '百花', '莲花', '益田', '石厦', '沙嘴', '金田', '滨河', '深南', '振华',
          '红岭', '笋岗', '泥岗', '北环', '香林', '农林', '商报', '民田', '国花', '桂花', '福民', '福星', '皇岗', '海田', '中康', '下梅林', '龙尾', '安托山'])
            [1 + CAST(draw(gk, 6, number % 3) % 36 AS INTEGER)]
            || (['路', '路', '街', '大道', '一路', '二街'])[1 + CAST(draw(gk, 7, number % 3) % 6 AS INTEGER)] AS road
    FROM counted)
SELECT building_id, grid_id, CAST(left(code_community, 12) || printf('%02d', grid_number % 100)
        || CASE WHEN code_community <> community_code THEN printf('%05d', 40000 + building_id)
            WHEN rnd(k, 8) < 0.004 THEN printf('T%04d', number + 1) ELSE printf('%05d', number + 1) END AS VARCHAR) AS building_code,
    grid_code, grid_name, community_code, community, street_code, street, longitude, latitude, kind,
    road, 2 * number + 1 + CAST(draw(gk, 9) % 60 AS INTEGER) AS road_no,
    CASE WHEN kind = 'village' THEN replace(community, '社区', '') || '村'
        ELSE replace(community, '社区', '') || (['花园', '雅苑', '锦园', '新村', '家园', '华庭', '名苑', '翠园', '大厦', '广场'])
            [1 + CAST(draw(gk, 10, estate_number) % 8 + CASE WHEN kind = 'office' THEN 2 ELSE 0 END AS INTEGER)]
        || CASE WHEN estate_number > 0 THEN (['一', '二', '三', '四', '五', '六', '七', '八', '九'])[least(estate_number, 9)] || '期' ELSE '' END END AS estate,
    CASE WHEN kind = 'village' THEN (['东坊', '西坊', '南坊', '北坊'])[1 + CAST(draw(gk, 11, estate_number) % 4 AS INTEGER)] ELSE '' END AS lane,
    number + 1 AS building_number, floors_ground,
    CASE WHEN kind IN ('tower', 'office') THEN between_int(k, 12, 1, 4) ELSE 0 END AS floors_under,
    CASE kind WHEN 'village' THEN between_int(k, 13, 1986, 2004) WHEN 'walkup' THEN between_int(k, 13, 1982, 2001)
        WHEN 'factory' THEN between_int(k, 13, 1984, 1999) ELSE between_int(k, 13, 1994, 2021) END AS built_year,
    CASE WHEN kind = 'village' THEN '2' WHEN kind = 'walkup' AND rnd(k, 14) < 0.7 THEN '2' WHEN floors_ground >= 34 THEN '3'
        WHEN kind IN ('tower', 'office') THEN (['1', '4', '7'])[1 + CAST(draw(k, 15) % 3 AS INTEGER)] ELSE '1' END AS structure,
    CASE kind WHEN 'office' THEN '3' WHEN 'shop' THEN '2' WHEN 'factory' THEN '4' WHEN 'public' THEN '8'
        WHEN 'tower' THEN CASE WHEN rnd(k, 16) < 0.3 THEN '6' ELSE '1' END ELSE '1' END AS building_use,
    building_houses, kind = 'village' AS urban_village, k
FROM named;

CREATE TABLE house AS
WITH numbered AS (
    SELECT b.*, CAST(x.j AS INTEGER) AS j, greatest(1, CAST(ceil(building_houses / floors_ground) AS INTEGER)) AS per_floor,
        draw(b.k, x.j) AS hk,
        sum(building_houses) OVER () AS unused
    FROM building b, range(building_houses) x(j)),
placed AS (
    SELECT *, j // per_floor + 1 AS floor, j % per_floor AS door,
        CASE WHEN per_floor > 6 AND kind IN ('walkup', 'tower') THEN (j % per_floor) // 4 + 1 ELSE 0 END AS unit_no
    FROM numbered)
SELECT CAST(row_number() OVER (ORDER BY building_id, j) - 1 AS INTEGER) AS house_id, building_id, grid_id,
    building_code || printf('%06d', j + 1) AS house_code, building_code, grid_code, grid_name, community_code, community,
    street_code, street, road, CAST(road_no AS INTEGER) AS road_no, estate,
    estate || lane || CAST(building_number AS VARCHAR) || '栋' AS building_name, unit_no, CAST(floor AS INTEGER) AS floor,
    CAST(floor * 100 + CASE WHEN unit_no > 0 THEN door % 4 ELSE door END + 1 AS VARCHAR) AS room_no,
    '深圳市福田区' || street || community || road || CAST(road_no AS VARCHAR) || '号' || estate || lane || CAST(building_number AS VARCHAR) || '栋' AS building_address,
    longitude, latitude, structure, floors_ground, floors_under, built_year,
    CASE WHEN kind IN ('shop') OR floor = 1 AND kind IN ('tower', 'village', 'walkup') AND rnd(hk, 2) < 0.3 THEN '2'
        WHEN kind = 'office' THEN '3' WHEN kind = 'factory' THEN '4' WHEN kind = 'public' THEN '8' ELSE '1' END AS house_use,
    CAST(CASE kind WHEN 'village' THEN 18 + 40 * rnd(hk, 3) WHEN 'walkup' THEN 45 + 50 * rnd(hk, 3)
        WHEN 'tower' THEN 55 + 110 * pow(rnd(hk, 3), 1.4) WHEN 'office' THEN 60 + 400 * pow(rnd(hk, 3), 3)
        WHEN 'factory' THEN 200 + 1200 * rnd(hk, 3) ELSE 40 + 260 * rnd(hk, 3) END AS DECIMAL(18,2)) AS house_area,
    building_use, building_houses, urban_village,
    rnd(hk, 4) < CASE kind WHEN 'village' THEN 0.88 WHEN 'walkup' THEN 0.55 WHEN 'tower' THEN 0.38 WHEN 'office' THEN 0.7 ELSE 0.5 END AS is_rental,
    kind, hk AS k, j = 0 AS first_house
FROM placed;
ALTER TABLE house ADD COLUMN address VARCHAR;
UPDATE house SET address = building_address || CASE WHEN unit_no > 0 THEN CAST(unit_no AS VARCHAR) || '单元' ELSE '' END || room_no;
