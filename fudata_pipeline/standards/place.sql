-- Unified address codes of Shenzhen (社会管理要素统一地址规范): house 25 = building 19 + room 6; grid 15 = community 12 + 3.

-- A building code: 17 digits after 44 03, with T where a temporary building's segment begins.
CREATE OR REPLACE MACRO is_building_code(t) AS regexp_full_match(t, '4403[0-9]{10}[0-9T][0-9]{4}');

-- A house code: a building code and six digits.
CREATE OR REPLACE MACRO is_house_code(t) AS regexp_full_match(t, '4403[0-9]{10}[0-9T][0-9]{10}');

-- A grid code: community of 12 digits and serial of 3.
CREATE OR REPLACE MACRO is_grid_code(t) AS regexp_full_match(t, '4403[0-9]{11}');

-- Building of a house code.
CREATE OR REPLACE MACRO building_of_house(t) AS left(t, 19);
