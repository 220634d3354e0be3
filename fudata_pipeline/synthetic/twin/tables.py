"""The tables of the twin that recipes are written over: one row a person ``p``, firm ``f`` and housing unit ``h``."""

from __future__ import annotations

PERSON = {
    "person_id": "INTEGER", "resident_id": "VARCHAR", "name": "VARCHAR", "former_name": "VARCHAR", "sex": "VARCHAR",
    "birth_date": "DATE", "age": "INTEGER", "ethnicity": "VARCHAR", "education": "VARCHAR", "marital": "VARCHAR",
    "political": "VARCHAR", "hukou_type": "VARCHAR", "hukou_region": "VARCHAR", "hukou_address": "VARCHAR",
    "native_place": "VARCHAR", "phone": "VARCHAR", "old_phone": "VARCHAR", "travel_document": "VARCHAR",
    "passport": "VARCHAR", "nationality": "VARCHAR", "latin_name": "VARCHAR", "resident": "BOOLEAN", "died_on": "DATE",
    "left_on": "DATE", "live_from": "DATE", "moved_on": "DATE", "married_on": "DATE", "house_id": "INTEGER",
    "old_house_id": "INTEGER", "household_id": "INTEGER", "household_size": "INTEGER", "relation": "VARCHAR",
    "head_id": "VARCHAR", "head_name": "VARCHAR", "partner_id": "VARCHAR", "partner_name": "VARCHAR",
    "guardian_id": "VARCHAR", "guardian_name": "VARCHAR", "guardian_phone": "VARCHAR", "firm_id": "INTEGER",
    "employer_uscc": "VARCHAR", "employer_name": "VARCHAR", "occupation": "VARCHAR", "student": "VARCHAR",
    "disability_type": "VARCHAR", "disability_level": "VARCHAR", "veteran": "BOOLEAN", "low_income": "BOOLEAN",
    "tenant": "BOOLEAN", "lives_alone": "BOOLEAN", "street_code": "VARCHAR",
}  # fmt: skip
"""``student``: kindergarten, primary, junior, senior or NULL. ``head``: of the household; ``guardian``: a parent."""

FIRM = {
    "firm_id": "INTEGER", "uscc": "VARCHAR", "org_code": "VARCHAR", "registration_no": "VARCHAR", "name": "VARCHAR",
    "short_name": "VARCHAR", "old_name": "VARCHAR", "entity_type": "VARCHAR", "enterprise_type": "VARCHAR",
    "industry": "VARCHAR", "section": "VARCHAR", "legal_rep_id": "VARCHAR", "legal_rep_name": "VARCHAR",
    "legal_rep_phone": "VARCHAR", "contact_name": "VARCHAR", "phone": "VARCHAR", "reg_capital": "DECIMAL(18,2)",
    "established_date": "DATE", "reg_status": "VARCHAR", "active": "BOOLEAN", "closed_on": "DATE", "reg_address": "VARCHAR",
    "address": "VARCHAR", "staff": "INTEGER", "yearly_revenue": "DECIMAL(18,2)", "house_id": "INTEGER",
    "house_code": "VARCHAR", "building_code": "VARCHAR", "community_code": "VARCHAR", "street_code": "VARCHAR",
    "legal_rep": "INTEGER",
}  # fmt: skip
"""``section``: letter of GB/T 4754; ``reg_capital`` and ``yearly_revenue`` in 万元."""

PLACE = {
    "house_id": "INTEGER", "house_code": "VARCHAR", "building_code": "VARCHAR", "grid_code": "VARCHAR",
    "grid_name": "VARCHAR", "community_code": "VARCHAR", "community": "VARCHAR", "street_code": "VARCHAR",
    "street": "VARCHAR", "road": "VARCHAR", "road_no": "INTEGER", "estate": "VARCHAR", "building_name": "VARCHAR",
    "unit_no": "INTEGER", "floor": "INTEGER", "room_no": "VARCHAR", "address": "VARCHAR", "building_address": "VARCHAR",
    "longitude": "DOUBLE", "latitude": "DOUBLE", "structure": "VARCHAR", "floors_ground": "INTEGER",
    "floors_under": "INTEGER", "built_year": "INTEGER", "building_area": "DECIMAL(18,2)", "building_houses": "INTEGER",
    "building_use": "VARCHAR", "house_area": "DECIMAL(18,2)", "house_use": "VARCHAR", "is_rental": "BOOLEAN",
    "layout": "VARCHAR", "monthly_rent": "DECIMAL(18,2)", "owner_id": "VARCHAR", "owner_name": "VARCHAR",
    "owner_phone": "VARCHAR", "property_company": "VARCHAR", "urban_village": "BOOLEAN", "building_id": "INTEGER",
    "grid_id": "INTEGER", "first_house": "BOOLEAN",
}  # fmt: skip
"""``address``: to the room; ``building_address``: to the building. ``first_house``: one housing unit a building has it."""

ROW = {
    "n": "BIGINT", "k": "UBIGINT", "day": "DATE", "moment": "TIMESTAMP", "e": "BIGINT", "cycle": "BIGINT",
    "person": "INTEGER", "firm": "INTEGER", "house": "INTEGER",
}  # fmt: skip
"""A row of a delivery: its number from 0, its own random key, the day and time of what it records, its subjects."""

TABLES = {"p": PERSON, "f": FIRM, "h": PLACE, "r": ROW}
