-- Masks of personal data, after GB/T 37964-2019 (屏蔽).

-- Identity number: first six and last four.
CREATE OR REPLACE MACRO mask_resident_id(t) AS left(t, 6) || repeat('*', greatest(length(t) - 10, 0)) || right(t, 4);

-- Name: the first character.
CREATE OR REPLACE MACRO mask_name(t) AS left(t, 1) || repeat('*', greatest(length(t) - 1, 0));

-- Mobile number: first three and last four.
CREATE OR REPLACE MACRO mask_phone(t) AS left(t, 3) || '****' || right(t, 4);
