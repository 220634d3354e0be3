-- 进格入块: every entity of a base table ends in a grid, with method and confidence, or keeps the reason why not.
-- Exact codes only: the registered house, else the building named by the house code, else the building given.
WITH candidates AS (
    SELECT
        e.entity_id,
        e.house_code,
        e.building_code AS given_building,
        h.house_code IS NOT NULL AS house_known,
        by_house.building_code AS house_building,
        by_house.grid_code AS house_grid,
        by_building.building_code AS known_building,
        by_building.grid_code AS building_grid
    FROM {subject} AS e
    LEFT JOIN {house} AS h ON h.house_code = e.house_code
    LEFT JOIN {building} AS by_house ON by_house.building_code = coalesce(h.building_code, left(e.house_code, 19))
    LEFT JOIN {building} AS by_building ON by_building.building_code = e.building_code
),
judged AS (
    SELECT
        *,
        coalesce(house_building, known_building) AS building_code,
        coalesce(house_grid, building_grid) AS candidate_grid,
        CASE
            WHEN house_building IS NOT NULL AND house_known THEN 'house_code'
            WHEN house_building IS NOT NULL THEN 'building_of_house'
            WHEN known_building IS NOT NULL THEN 'building_code'
        END AS candidate_method,
        CASE
            WHEN house_code IS NULL AND given_building IS NULL THEN 'no_code'
            WHEN house_building IS NULL AND known_building IS NULL THEN 'unknown_code'
            WHEN house_grid <> building_grid THEN 'contradictory'
        END AS obstacle
    FROM candidates
)
SELECT
    j.entity_id,
    CASE WHEN j.house_known THEN j.house_code END AS house_code,
    CASE WHEN g.grid_code IS NOT NULL AND j.obstacle IS NULL THEN j.building_code END AS building_code,
    CASE WHEN j.obstacle IS NULL THEN g.grid_code END AS grid_code,
    CASE WHEN j.obstacle IS NULL THEN g.community_code END AS community_code,
    CASE WHEN j.obstacle IS NULL THEN g.street_code END AS street_code,
    CASE WHEN g.grid_code IS NOT NULL AND j.obstacle IS NULL THEN j.candidate_method END AS method,
    CASE
        WHEN g.grid_code IS NULL OR j.obstacle IS NOT NULL THEN NULL
        WHEN j.candidate_method = 'house_code' THEN 1.0
        WHEN j.candidate_method = 'building_code' THEN 0.95
        ELSE 0.9
    END AS confidence,
    coalesce(j.obstacle, CASE WHEN g.grid_code IS NULL THEN 'unknown_grid' END) AS reason
FROM judged AS j
LEFT JOIN {grid} AS g ON g.grid_code = j.candidate_grid
