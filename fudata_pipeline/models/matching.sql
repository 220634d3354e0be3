-- Comparisons of an entity's values (a list) with a record's one. Macros, so that Splink's parser meets plain calls only.

-- near_any: a value that differs in one digit, or in two neighbours changed round (ASCII only: bytes are counted).
CREATE OR REPLACE TEMP MACRO near_any(many, one) AS (
    list_bool_or(list_transform(many, lambda v: damerau_levenshtein(v, one[1]) = 1))
);

-- values_of: without NULL, empty texts and repeats; NULL for none.
CREATE OR REPLACE TEMP MACRO values_of(many) AS (
    list_transform([list_sort(list_distinct(list_filter(many, lambda v: v IS NOT NULL AND CAST(v AS VARCHAR) <> '')))],
        lambda vs: CASE WHEN len(vs) > 0 THEN vs END)[1]
);
