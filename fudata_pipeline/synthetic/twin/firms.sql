-- Legal entities: names that fit their trade, premises in houses that are not dwellings, people who represent them.
-- GB 11714: MA5 and five characters that count, and their check character.
CREATE OR REPLACE MACRO base31(n) AS substr('0123456789ABCDEFGHJKLMNPQRTUWXY', CAST(n % 31 AS INTEGER) + 1, 1);
CREATE OR REPLACE MACRO org_code_of(n) AS (list_transform(
    ['MA5' || base31(n // 923521) || base31(n // 29791) || base31(n // 961) || base31(n // 31) || base31(n)],
    lambda t: t || substr('0X987654321', CAST((3 * base36(substr(t, 1, 1)) + 7 * base36(substr(t, 2, 1)) + 9 * base36(substr(t, 3, 1))
        + 10 * base36(substr(t, 4, 1)) + 5 * base36(substr(t, 5, 1)) + 8 * base36(substr(t, 6, 1)) + 4 * base36(substr(t, 7, 1))
        + 2 * base36(substr(t, 8, 1))) % 11 AS INTEGER) + 1, 1))[1]);
-- GB 32100: the check character that makes the weighted sum a multiple of 31.
CREATE OR REPLACE MACRO uscc_of(head, org) AS (list_transform([head || org], lambda t: t || substr('0123456789ABCDEFGHJKLMNPQRTUWXY',
    CAST((31 - (uscc_head_sum(CAST(substr(t, 2, 7) AS INTEGER)) + uscc_value(left(t, 1)) + 20 * uscc_value(substr(t, 9, 1))
        + 29 * uscc_value(substr(t, 10, 1)) + 25 * uscc_value(substr(t, 11, 1)) + 13 * uscc_value(substr(t, 12, 1)) + 8 * uscc_value(substr(t, 13, 1))
        + 24 * uscc_value(substr(t, 14, 1)) + 10 * uscc_value(substr(t, 15, 1)) + 30 * uscc_value(substr(t, 16, 1)) + 28 * uscc_value(substr(t, 17, 1))) % 31) % 31 AS INTEGER) + 1, 1))[1]);

CREATE TABLE premises AS
    SELECT CAST(row_number() OVER (ORDER BY house_id) - 1 AS INTEGER) AS nth, house_id FROM house WHERE house_use <> '1';
-- Who represents, owns and works is settled by the first night: a death must not move everybody's place.
CREATE TABLE adult AS
    SELECT CAST(row_number() OVER (ORDER BY person_id) - 1 AS INTEGER) AS nth, person_id FROM living
    WHERE age_first BETWEEN 24 AND 68 AND resident_id IS NOT NULL AND there_first;

CREATE TABLE firm_core AS
WITH drawn AS (
    SELECT CAST(i AS INTEGER) AS firm_id, draw(getvariable('seed'), 'firm', i) AS k FROM range(CAST(getvariable('firms') * 3.4 AS BIGINT)) t(i)),
-- The first are the legal entities of the district; behind them stand those that were struck off, and those that are
-- registered here at a hosted address and work elsewhere.
typed AS (
    SELECT *, CASE WHEN rnd(k, 1) < 0.60 THEN '01' WHEN rnd(k, 1) < 0.925 THEN '02' WHEN rnd(k, 1) < 0.955 THEN '14' WHEN rnd(k, 1) < 0.962 THEN '04'
        WHEN rnd(k, 1) < 0.964 THEN '03' WHEN rnd(k, 1) < 0.971 THEN '05' WHEN rnd(k, 1) < 0.979 THEN '06' WHEN rnd(k, 1) < 0.98 THEN '07'
        WHEN rnd(k, 1) < 0.984 THEN '08' WHEN rnd(k, 1) < 0.985 THEN '13' WHEN rnd(k, 1) < 0.992 THEN '12' WHEN rnd(k, 1) < 0.993 THEN '09' ELSE '99' END AS entity_type
    FROM drawn),
traded AS (
    SELECT *, CASE WHEN entity_type IN ('03', '13', '12', '05', '07', '99', '04') THEN 'S' WHEN entity_type = '06' THEN (['P', 'Q', 'R'])[1 + CAST(draw(k, 2) % 3 AS INTEGER)]
        WHEN entity_type = '08' THEN 'L' WHEN entity_type = '09' THEN 'A'
        WHEN entity_type = '02' THEN (['F', 'F', 'F', 'F', 'F', 'H', 'H', 'H', 'O', 'O', 'G', 'R', 'L'])[1 + CAST(draw(k, 2) % 13 AS INTEGER)]
        ELSE (['F', 'F', 'F', 'F', 'F', 'F', 'L', 'L', 'L', 'L', 'I', 'I', 'I', 'M', 'M', 'M', 'J', 'K', 'K', 'H', 'E', 'C', 'G', 'R', 'P', 'O', 'Q'])
            [1 + CAST(draw(k, 2) % 27 AS INTEGER)] END AS section
    FROM typed),
classed AS (
    SELECT t.*, coalesce(i.code, t.section) AS industry,
        CASE entity_type WHEN '01' THEN '91' WHEN '14' THEN '91' WHEN '02' THEN '92' WHEN '09' THEN '93' WHEN '04' THEN '12' WHEN '03' THEN '11' WHEN '05' THEN '51'
            WHEN '06' THEN '52' WHEN '07' THEN '53' WHEN '08' THEN '31' WHEN '12' THEN '81' WHEN '13' THEN '59' ELSE '19' END
            || CASE WHEN rnd(k, 3) < 0.55 THEN '440300' ELSE '440304' END AS head,
        org_code_of((CAST(firm_id AS BIGINT) * 7368787 + 1234567) % 28629151) AS org_code,
        made_brand(draw(k, 4)) AS brand, CAST(draw(k, 5) % 1000 AS INTEGER) AS w
    FROM traded t LEFT JOIN (SELECT section, count(*) AS many FROM industry GROUP BY section) m ON m.section = t.section
    LEFT JOIN (SELECT code, section, row_number() OVER (PARTITION BY section ORDER BY code) - 1 AS nth FROM industry) i
        ON i.section = t.section AND i.nth = draw(t.k, 6) % m.many),
named AS (
    SELECT *, CASE entity_type
        WHEN '02' THEN '深圳市福田区' || brand || CASE section
            WHEN 'F' THEN (['商行', '便利店', '电子商行', '服装店', '烟酒行', '水果店', '手机配件店', '百货店'])[1 + w % 8]
            WHEN 'H' THEN (['餐饮店', '小吃店', '茶餐厅', '面馆', '奶茶店', '烧烤店', '早餐店'])[1 + w % 7]
            WHEN 'O' THEN (['美发店', '洗衣店', '美容馆', '家电维修部', '足浴店', '汽车美容店'])[1 + w % 6]
            WHEN 'G' THEN (['货运部', '快递服务部'])[1 + w % 2] WHEN 'R' THEN (['棋牌室', '健身工作室', '琴行'])[1 + w % 3] ELSE (['信息咨询部', '图文广告店'])[1 + w % 2] END
        WHEN '03' THEN '深圳市福田区' || brand || (['工作委员会', '管理办公室'])[1 + w % 2] WHEN '04' THEN '深圳市福田区' || brand || (['小学', '幼儿园', '社区健康服务中心', '文化馆', '服务中心'])[1 + w % 5]
        WHEN '05' THEN '深圳市福田区' || brand || (['行业协会', '商会', '促进会', '义工联合会'])[1 + w % 4] WHEN '06' THEN '深圳市福田区' || brand || (['社会工作服务中心', '培训中心', '长者服务中心', '艺术中心'])[1 + w % 4]
        WHEN '07' THEN '深圳市' || brand || '公益基金会' WHEN '08' THEN '广东' || brand || '律师事务所' WHEN '09' THEN '深圳市' || brand || '农民专业合作社'
        WHEN '12' THEN '深圳市' || brand || '有限公司工会委员会' WHEN '13' THEN '深圳市福田区' || brand || '社区居民委员会'
        WHEN '14' THEN '深圳市' || brand || (['贸易', '科技', '房地产经纪', '餐饮管理', '药业连锁'])[1 + w % 5] || '有限公司福田' || (['分公司', '一分公司', '第二分公司'])[1 + w // 7 % 3]
        WHEN '99' THEN '深圳市福田区' || brand || '业主委员会'
        ELSE '深圳市' || brand || CASE section
            WHEN 'F' THEN (['贸易', '商贸', '供应链', '电子', '珠宝', '服饰', '进出口', '实业'])[1 + w % 8] WHEN 'L' THEN (['企业管理', '咨询', '人力资源', '广告', '商务服务'])[1 + w % 5]
            WHEN 'I' THEN (['信息技术', '网络科技', '软件', '数据科技', '互联网'])[1 + w % 5] WHEN 'M' THEN (['科技', '技术服务', '检测技术', '设计顾问'])[1 + w % 4]
            WHEN 'J' THEN (['投资', '融资租赁', '商业保理', '私募基金管理'])[1 + w % 4] WHEN 'K' THEN (['物业管理', '房地产经纪', '置业'])[1 + w % 3]
            WHEN 'H' THEN (['餐饮管理', '酒店管理', '食品'])[1 + w % 3] WHEN 'E' THEN (['建筑工程', '装饰工程', '机电工程'])[1 + w % 3] WHEN 'C' THEN (['电子科技', '服装', '精密制造'])[1 + w % 3]
            WHEN 'G' THEN (['物流', '国际货运代理', '运输'])[1 + w % 3] WHEN 'R' THEN (['文化传播', '体育发展', '影视文化'])[1 + w % 3] WHEN 'P' THEN (['教育咨询', '教育科技'])[1 + w % 2]
            WHEN 'Q' THEN (['门诊部', '医疗美容', '健康管理'])[1 + w % 3] ELSE (['家政服务', '美容', '汽车服务'])[1 + w % 3] END
            || CASE WHEN rnd(k, 7) < 0.03 THEN '股份有限公司' WHEN rnd(k, 7) < 0.07 THEN '合伙企业（有限合伙）' ELSE '有限公司' END END AS name
    FROM classed),
lived AS (
    SELECT *, DATE '2022-10-20' - CAST(9800 * pow(rnd(k, 8), 2.2) AS INTEGER) AS established_date,
        CASE WHEN firm_id >= getvariable('firms') AND rnd(k, 9) < 0.62 THEN DATE '2022-10-25' - CAST(draw(k, 10) % 4000 AS INTEGER)
            WHEN firm_id < getvariable('firms') AND rnd(k, 9) < 0.03 THEN DATE '2022-10-25' - CAST(draw(k, 10) % 900 AS INTEGER)
            WHEN rnd(k, 9) < 0.06 THEN DATE '2022-11-01' + CAST(draw(k, 10) % 30 AS INTEGER) END AS closing,
        CASE WHEN rnd(k, 11) < 0.06 THEN made_brand(draw(k, 12)) END AS old_brand
    FROM named)
SELECT firm_id, k, uscc_of(head, org_code) AS uscc, org_code, entity_type, section, industry, brand AS short_name,
    replace(replace(name, '（', '('), '）', ')') AS name, replace(name, brand, old_brand) AS old_name, established_date,
    CASE WHEN closing > established_date AND closing <= CAST(getvariable('as_of') AS DATE) THEN closing END AS closed_on,
    CASE entity_type WHEN '02' THEN '9500' WHEN '14' THEN '2100' WHEN '09' THEN '9100' WHEN '01' THEN CASE WHEN contains(name, '股份') THEN '1220' WHEN contains(name, '合伙') THEN '4533'
        ELSE (['1130', '1130', '1130', '1151', '1190', '1110', '6000', '1152'])[1 + CAST(draw(k, 13) % 8 AS INTEGER)] END END AS enterprise_type,
    CAST(CASE entity_type WHEN '02' THEN 1 + CAST(draw(k, 14) % 20 AS INTEGER) ELSE ([10, 30, 50, 100, 100, 200, 500, 500, 1000, 3000, 5000, 10000])[1 + CAST(draw(k, 14) % 12 AS INTEGER)] END AS DECIMAL(18,2)) AS reg_capital,
    CAST(draw(k, 15) % (SELECT count(*) FROM adult) AS INTEGER) AS rep_nth, CAST(draw(k, 16) % (SELECT count(*) FROM premises) AS INTEGER) AS premises_nth
FROM lived;

CREATE TABLE employed AS
    SELECT person_id, CAST(least(getvariable('firms') - 1, floor(getvariable('firms') * pow(rnd(k, 50), 2.2))) AS INTEGER) AS firm_id
    FROM living WHERE age_first BETWEEN 19 AND 62 AND there_first AND coalesce(left_on > DATE '2022-10-31', TRUE) AND resident_id IS NOT NULL AND rnd(k, 51) < 0.74;

CREATE TABLE f AS
SELECT firm_id, uscc, org_code,
    list_transform([printf('440304%08d', 10000000 + firm_id)], lambda t: t || CAST((11 - hybrid_sum(t, 10)) % 10 AS VARCHAR))[1] AS registration_no,
    c.name, short_name, old_name, entity_type, enterprise_type, industry, section,
    l.resident_id AS legal_rep_id, l.name AS legal_rep_name, made_phone(draw(l.k, 60)) AS legal_rep_phone,
    made_name(draw(c.k, 61)) AS contact_name,
    CASE WHEN rnd(c.k, 62) < 0.45 THEN '0755-' || CAST(82000000 + draw(c.k, 63) % 7000000 AS VARCHAR) ELSE made_phone(draw(c.k, 64)) END AS phone,
    reg_capital, established_date, CASE WHEN closed_on IS NULL THEN '1' WHEN rnd(c.k, 65) < 0.8 THEN '4' ELSE '2' END AS reg_status, closed_on IS NULL AND firm_id < getvariable('firms') AS active, closed_on,
    CASE WHEN rnd(c.k, 66) < 0.8 THEN h.address ELSE o.address END AS reg_address, h.address, CAST(coalesce(s.staff, 0) AS INTEGER) AS staff,
    CAST(reg_capital * (0.2 + 6 * pow(rnd(c.k, 67), 3)) AS DECIMAL(18,2)) AS yearly_revenue,
    h.house_id, h.house_code, h.building_code, h.community_code, h.street_code, l.person_id AS legal_rep
FROM firm_core c JOIN adult a ON a.nth = c.rep_nth JOIN living l USING (person_id)
JOIN premises q ON q.nth = c.premises_nth JOIN house h ON h.house_id = q.house_id
JOIN premises q2 ON q2.nth = CAST(draw(c.k, 68) % (SELECT count(*) FROM premises) AS INTEGER) JOIN house o ON o.house_id = q2.house_id
LEFT JOIN (SELECT firm_id, count(*) AS staff FROM employed GROUP BY firm_id) s USING (firm_id);

CREATE TABLE p AS
WITH whole AS (SELECT household_id, count(*) AS members, max(resident_id) FILTER (relation = '0') AS head_id, max(name) FILTER (relation = '0') AS head_name,
        max(k) FILTER (relation = '0') AS head_k, max(resident_id) FILTER (relation = '1') AS partner_id, max(name) FILTER (relation = '1') AS partner_name
    FROM living GROUP BY household_id)
SELECT l.person_id, l.resident_id, l.name, CASE WHEN rnd(l.k, 70) < 0.03 THEN left(l.name, 1) || given_name(draw(l.k, 71), l.sex) END AS former_name,
    l.sex, l.birth_date, l.age,
    CASE WHEN origin = 'foreign' THEN '98' WHEN rnd(l.hk, 72) < 0.955 THEN '01' ELSE (['08', '15', '06', '13', '12', '03', '11', '09', '02', '10'])[1 + CAST(draw(l.hk, 73) % 10 AS INTEGER)] END AS ethnicity,
    CASE WHEN l.age < 7 THEN NULL WHEN l.age < 13 THEN '80' WHEN l.age < 16 THEN '70' WHEN l.age < 19 THEN '60' WHEN l.age < 45
        THEN (['21', '21', '21', '21', '31', '31', '31', '14', '61', '61', '41', '71', '71', '11', '45'])[1 + CAST(draw(l.k, 74) % 15 AS INTEGER)]
        ELSE (['21', '31', '61', '61', '71', '71', '71', '81', '41'])[1 + CAST(draw(l.k, 74) % 9 AS INTEGER)] END AS education,
    CASE WHEN l.age < 20 THEN '10' WHEN relation = '1' OR relation = '0' AND couple AND size > 1 THEN CASE WHEN rnd(l.hk, 75) < 0.07 THEN '22' ELSE '21' END
        WHEN relation = '3' THEN CASE WHEN rnd(l.k, 75) < 0.7 THEN '21' ELSE '30' END WHEN l.age < 30 THEN '10'
        ELSE (['10', '21', '21', '40'])[1 + CAST(draw(l.k, 75) % 4 AS INTEGER)] END AS marital,
    CASE WHEN l.age >= 18 AND rnd(l.k, 76) < 0.09 THEN '01' WHEN l.age BETWEEN 14 AND 28 AND rnd(l.k, 76) < 0.5 THEN '03' ELSE '13' END AS political,
    CASE WHEN origin <> 'mainland' THEN '3' WHEN local THEN '1' ELSE '2' END AS hukou_type,
    CASE WHEN origin = 'mainland' THEN CASE WHEN local THEN '440304' ELSE home_region END ELSE region END AS hukou_region,
    CASE WHEN origin <> 'mainland' THEN NULL WHEN local THEN coalesce(h.address, home_title || made_surname(l.hk) || '家村' || CAST(1 + draw(l.hk, 77) % 200 AS VARCHAR) || '号')
        ELSE home_title || made_surname(l.hk) || '家村' || CAST(1 + draw(l.hk, 77) % 200 AS VARCHAR) || '号' END AS hukou_address,
    home_title AS native_place,
    CASE WHEN l.age < 14 THEN made_phone(draw(w.head_k, 60)) ELSE made_phone(draw(l.k, 60)) END AS phone,
    made_phone(draw(l.k, 78)) AS old_phone,
    CASE WHEN origin = 'hmt' THEN CASE WHEN region = '830000' THEN printf('%08d', (CAST(l.person_id AS BIGINT) * 7919 + 31) % 100000000)
            ELSE (CASE region WHEN '810000' THEN 'H' ELSE 'M' END) || printf('%08d', (CAST(l.person_id AS BIGINT) * 7919 + 31) % 100000000) END
        ELSE (CASE origin WHEN 'foreign' THEN 'P' ELSE 'E' END) || printf('%08d', (CAST(l.person_id AS BIGINT) * 7919 + 31) % 100000000) END AS travel_document,
    'E' || printf('%08d', (CAST(l.person_id AS BIGINT) * 7919 + 31) % 100000000) AS passport,
    CASE origin WHEN 'mainland' THEN '中国' WHEN 'hmt' THEN CASE region WHEN '810000' THEN '中国香港' WHEN '820000' THEN '中国澳门' ELSE '中国台湾' END
        ELSE (['美国', '日本', '韩国', '法国', '印度', '英国', '加拿大', '德国', '巴基斯坦', '澳大利亚'])[1 + CAST(draw(l.hk, 79) % 10 AS INTEGER)] END AS nationality,
    (['WANG', 'LI', 'ZHANG', 'CHEN', 'SMITH', 'KIM', 'TANAKA', 'KUMAR', 'MARTIN', 'LEE'])[1 + CAST(draw(l.hk, 80) % 10 AS INTEGER)] || ' '
        || (['WEI', 'MING', 'JOHN', 'ANNA', 'HANA', 'DAVID', 'MARIE', 'RAJ', 'JUN', 'LUCY'])[1 + CAST(draw(l.k, 81) % 10 AS INTEGER)] AS latin_name,
    resident, died_on, left_on, live_from, moved_on,
    CASE WHEN relation = '1' OR relation = '0' AND couple AND size > 1 THEN greatest(l.birth_date + 7300, DATE '2022-09-30' - CAST(draw(l.hk, 82) % 9000 AS INTEGER)) END AS married_on,
    l.house_id, old_house_id, l.household_id, CAST(w.members AS INTEGER) AS household_size, relation, head_id, head_name, partner_id, partner_name,
    head_id AS guardian_id, head_name AS guardian_name, made_phone(draw(w.head_k, 60)) AS guardian_phone,
    e.firm_id, c.uscc AS employer_uscc, c.name AS employer_name,
    CASE WHEN e.firm_id IS NOT NULL THEN (['行政文员', '销售', '程序员', '会计', '厨师', '服务员', '保安', '司机', '教师', '医生', '工程师', '店员', '设计师', '快递员', '客户经理', '保洁员', '经理'])[1 + CAST(draw(l.k, 83) % 17 AS INTEGER)] END AS occupation,
    CASE WHEN NOT resident OR rnd(l.k, 84) < 0.06 THEN NULL WHEN l.age BETWEEN 3 AND 5 THEN 'kindergarten' WHEN l.age BETWEEN 6 AND 11 THEN 'primary'
        WHEN l.age BETWEEN 12 AND 14 THEN 'junior' WHEN l.age BETWEEN 15 AND 17 THEN 'senior' END AS student,
    CASE WHEN rnd(l.k, 85) < CASE WHEN l.age >= 65 THEN 0.05 ELSE 0.011 END THEN (['1', '2', '3', '4', '4', '4', '5', '6', '7'])[1 + CAST(draw(l.k, 86) % 9 AS INTEGER)] END AS disability_type,
    CASE WHEN rnd(l.k, 85) < CASE WHEN l.age >= 65 THEN 0.05 ELSE 0.011 END THEN (['1', '2', '3', '3', '4', '4'])[1 + CAST(draw(l.k, 87) % 6 AS INTEGER)] END AS disability_level,
    l.age >= 20 AND rnd(l.k, 88) < CASE l.sex WHEN '1' THEN 0.03 ELSE 0.002 END AS veteran, local AND rnd(l.hk, 89) < 0.006 AS low_income,
    coalesce(h.is_rental, FALSE) AS tenant, size = 1 AND resident AS lives_alone, h.street_code
FROM living l LEFT JOIN whole w USING (household_id) LEFT JOIN house h ON h.house_id = l.house_id
LEFT JOIN employed e USING (person_id) LEFT JOIN firm_core c ON c.firm_id = e.firm_id;

CREATE TABLE h AS
SELECT house.* EXCLUDE (k, kind, owner_nth), CAST(sum(house_area) OVER (PARTITION BY building_id) AS DECIMAL(18,2)) AS building_area,
    CASE WHEN house_use = '1' THEN CASE WHEN house_area < 35 THEN '单间' WHEN house_area < 60 THEN '一房一厅' WHEN house_area < 90 THEN '两房一厅' WHEN house_area < 125 THEN '三房两厅' ELSE '四房两厅' END END AS layout,
    CAST(round(house_area * CASE WHEN urban_village THEN 42 + 20 * rnd(k, 90) ELSE 70 + 60 * rnd(k, 90) END, -1) AS DECIMAL(18,2)) AS monthly_rent,
    o.resident_id AS owner_id, o.name AS owner_name, made_phone(draw(o.ok, 60)) AS owner_phone,
    '深圳市' || made_brand(draw(getvariable('seed'), 'pm', estate)) || '物业服务有限公司' AS property_company
FROM (SELECT *, CAST(draw(k, 91) % (SELECT count(*) FROM adult) AS INTEGER) AS owner_nth FROM house) house
JOIN adult a ON a.nth = house.owner_nth JOIN (SELECT person_id, resident_id, name, k AS ok FROM living) o USING (person_id);
