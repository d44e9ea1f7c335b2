-- When every app reads and writes object_key, and none reads folder.

-- allow: destructive (rows that the old app added after V0003; changes no other column)
UPDATE image SET object_key = CONCAT(folder, '/', image_file) WHERE object_key IS NULL;

-- allow: destructive (a row without a key would stop this here: strict mode makes up no value)
ALTER TABLE image MODIFY object_key VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW detections AS
SELECT
  image.image_id,
  image.bucket,
  image.object_key,
  `transaction`.transaction_id,
  `transaction`.time,
  `transaction`.cs_thr,
  `transaction`.nms_thr,
  pred_bounding_box.pred_bbox_id,
  pred_bounding_box.pred_class,
  pred_bounding_box.pred_cs,
  pred_bounding_box.x_min,
  pred_bounding_box.y_min,
  pred_bounding_box.x_max,
  pred_bounding_box.y_max
FROM image
LEFT JOIN `transaction` ON `transaction`.image_id = image.image_id
LEFT JOIN pred_bounding_box ON pred_bounding_box.transaction_id = `transaction`.transaction_id;

-- allow: destructive (object_key holds it since V0003)
ALTER TABLE image DROP COLUMN folder;
