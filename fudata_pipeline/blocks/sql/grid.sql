-- The district's grids (网格) with their community and street, one row per grid.
-- The street of a community is the first nine digits within the same code system (community 12 = street 9 + 3);
-- codes of other systems are never cut into areas.
SELECT
    g.grid_code,
    g.grid_name,
    g.community_code,
    c.title AS community_name,
    left(g.community_code, 9) AS street_code,
    s.title AS street_name
FROM {grid_item} AS g
LEFT JOIN {community} AS c (code, title) ON c.code = g.community_code
LEFT JOIN {street} AS s (code, title) ON s.code = left(g.community_code, 9)
