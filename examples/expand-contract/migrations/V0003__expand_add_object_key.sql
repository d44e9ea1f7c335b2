-- S3 keys have up to 1,024 characters; folder and image_file have 100 each. The old app goes on: it inserts by position,
-- and an invisible column has no position.

ALTER TABLE image ADD COLUMN object_key VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL INVISIBLE;

-- allow: destructive (fills the new column, and changes no other)
UPDATE image SET object_key = CONCAT(folder, '/', image_file) WHERE object_key IS NULL;
