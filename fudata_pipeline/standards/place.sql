-- Codes of space. Judged as given, after identifier_text. NULL gives NULL. A code says what its parts are only within
-- its own system: streets and communities have three incompatible code systems in the district (code list
-- area_crosswalk), so none is derived here from a code of another system.

-- Building (19): province 2 + city 2 + district 2 + street 3 + community 3 + base grid 2 + building 5, of Shenzhen's
-- unified address standard 社会管理要素统一地址规范 (2017-12). T0001… are temporary buildings.
CREATE OR REPLACE MACRO is_building_code(t) AS (regexp_matches(t, '^4403[0-9]{10}[0-9T][0-9]{4}$'));

-- House (25): building code 19 + room 6.
CREATE OR REPLACE MACRO is_house_code(t) AS (regexp_matches(t, '^4403[0-9]{10}[0-9T][0-9]{10}$'));

-- building_of_house: NULL if not a house code.
CREATE OR REPLACE MACRO building_of_house(t) AS (CASE WHEN is_house_code(t) THEN left(t, 19) END);

-- Work grid (15): community 12 + grid 3, the district's practice.
CREATE OR REPLACE MACRO is_grid_code(t) AS (regexp_matches(t, '^4403[0-9]{11}$'));

-- community_of_grid: in the grid system's own codes. NULL if not a grid code.
CREATE OR REPLACE MACRO community_of_grid(t) AS (
    list_transform([t], lambda s: CASE WHEN is_grid_code(s) THEN left(s, 12) END)[1]
);

-- City component (16), GB/T 30428.2-2013: district 6 + class 01..05 + subclass 2 + serial 6.
CREATE OR REPLACE MACRO is_component_code(t) AS (regexp_matches(t, '^[1-9][0-9]{5}0[1-5][0-9]{8}$'));
